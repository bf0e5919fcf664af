// Package notify reports incidents: that runs started to fail or to be blocked, and that they recovered. It posts to a webhook (plain
// JSON, Slack, Teams) and sends mail. A notice holds counts and names of checks, never a row, an address or a secret (promise 10).
package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lifeline/project"
)

// Notice reports the start of an incident (runs are blocked or fail) or its end. Each is sent once.
type Notice struct {
	Text    string    `json:"text"`  // One line; what chat programs show.
	Event   string    `json:"event"` // blocked, failed or recovered.
	Project string    `json:"project"`
	RunID   int64     `json:"run_id"`
	Status  string    `json:"status"`
	Since   int64     `json:"since_run,omitempty"` // Recovered: the first run of the incident.
	EndedAt time.Time `json:"ended_at"`
	Error   any       `json:"error,omitempty"`
	Found   []string  `json:"found,omitempty"` // The checks that stopped the run.
}

// Limits of one notice: a receiver that does not answer must not hold up a run.
const (
	attempts  = 3
	oneTry    = 10 * time.Second
	wholeTime = 30 * time.Second
)

// Sender sends notices to a project's webhook and mail addresses.
type Sender struct {
	Config project.NotifyConfig
	Pause  time.Duration // Before the second attempt, and twice as long before the third; a second where none is given.
}

// Send sends n to the webhook and by mail, as configured. It joins the errors of both; none of them shows an address.
func (s Sender) Send(ctx context.Context, n *Notice) error {
	ctx, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	var errs []error
	if s.Config.Webhook != "" {
		if err := s.retry(ctx, func(ctx context.Context) error { return s.post(ctx, n) }); err != nil {
			errs = append(errs, fmt.Errorf("the webhook was not told: %w", err))
		}
	}
	if s.Config.Mail.Server != "" {
		if err := s.retry(ctx, func(ctx context.Context) error { return s.mail(ctx, n) }); err != nil {
			errs = append(errs, fmt.Errorf("mail was not sent: %w", err))
		}
	}
	return errors.Join(errs...)
}

// finalError is an error that another attempt would not fix.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// retry makes up to three attempts, with a pause that doubles.
func (s Sender) retry(ctx context.Context, do func(context.Context) error) error {
	pause := s.Pause
	if pause == 0 {
		pause = time.Second
	}
	for n := 1; ; n++ {
		attempt, cancel := context.WithTimeout(ctx, oneTry)
		err := do(attempt)
		cancel()
		var final finalError
		if err == nil || n == attempts || errors.As(err, &final) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		pause *= 2
	}
}
