package notify_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"lifeline/notify"
	"lifeline/project"
)

var blocked = &notify.Notice{
	Text: "shop: run 7 blocked: 1 check of severity error failed <!channel>", Event: "blocked", Project: "shop", RunID: 7, Status: "blocked",
	Found: []string{"orphans: 12 of 100 rows"}, EndedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
}

// receiver keeps what it is posted, and answers with the codes in their order; 200 after them.
type receiver struct {
	mu      sync.Mutex
	codes   []int
	bodies  [][]byte
	headers []http.Header
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(request.Body) // What was cut fails the test as no JSON.
	r.bodies, r.headers = append(r.bodies, body), append(r.headers, request.Header)
	if len(r.codes) > 0 {
		if r.codes[0] == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(r.codes[0])
		r.codes = r.codes[1:]
	}
}

func post(t *testing.T, r *receiver, c project.NotifyConfig) error {
	t.Helper()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	c.Webhook, c.AllowPrivate = server.URL+"/hook/s3cret", true
	err := notify.Sender{Config: c, Pause: time.Millisecond}.Send(t.Context(), blocked)
	if err != nil {
		require.NotContains(t, err.Error(), "s3cret")
		require.NotContains(t, err.Error(), server.URL)
	}
	return err
}

func TestAWebhookGetsTheFormThatItReads(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"": `{"text": "shop: run 7 blocked: 1 check of severity error failed <!channel>", "event": "blocked", "project": "shop", "run_id": 7,
			"status": "blocked", "ended_at": "2026-01-02T03:04:05Z", "found": ["orphans: 12 of 100 rows"]}`,
		"slack": `{"text": "shop: run 7 blocked: 1 check of severity error failed &lt;!channel&gt;\n- orphans: 12 of 100 rows"}`,
		"teams": `{"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {
			"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock",
			"wrap": true, "text": "shop: run 7 blocked: 1 check of severity error failed <!channel>\n- orphans: 12 of 100 rows"}]}}]}`,
	} {
		r := &receiver{}
		require.NoError(t, post(t, r, project.NotifyConfig{Format: format}))
		require.Len(t, r.bodies, 1)
		require.JSONEq(t, want, string(r.bodies[0]))
		require.Empty(t, r.headers[0].Get("X-Lifeline-Signature"))
	}
}

func TestASecretSignsTheTimeAndTheBody(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	require.NoError(t, post(t, r, project.NotifyConfig{Secret: "shared"}))
	at := r.headers[0].Get("X-Lifeline-Timestamp")
	require.NotEmpty(t, at)
	require.Equal(t, "sha256="+notify.Signature("shared", at, r.bodies[0]), r.headers[0].Get("X-Lifeline-Signature"))
	// printf '1700000000.{}' | openssl dgst -sha256 -hmac shared
	require.Equal(t, "8fe400a4d7d97fe5517b7b8d84c07a25", notify.Signature("shared", "1700000000", []byte("{}"))[:32])
}

func TestOnlyWhatMayPassIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		codes []int
		asked int
		err   string
	}{
		{"two failures", []int{503, 429}, 3, ""},
		{"three failures", []int{500, 502, 503}, 3, "the webhook was not told: it answered 503"},
		{"a refusal", []int{403}, 1, "the webhook was not told: it answered 403"},
		{"a redirect is not followed", []int{302}, 1, "the webhook was not told: it answered 302"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &receiver{codes: c.codes}
			err := post(t, r, project.NotifyConfig{})
			require.Len(t, r.bodies, c.asked)
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
		})
	}
}

// A project is shared: its webhook must not reach what only the machine that runs it can.
func TestAWebhookReachesNoPrivateAddress(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1",
		"169.254.169.254",
		"[fe80::1]", "[fd00::1]", "100.64.0.1", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[ff02::1]",
	} {
		err := notify.Sender{
			Config: project.NotifyConfig{Webhook: "http://" + host + ":" + port + "/s3cret"},
			Pause:  time.Millisecond,
		}.Send(t.Context(), blocked)
		require.Error(t, err, host)
		require.NotContains(t, err.Error(), "s3cret", host)
		if host != "2130706433" { // A name or an address, as this machine's resolver likes.
			require.ErrorContains(t, err, "private, loopback or link-local", host)
		}
	}
	require.Empty(t, r.bodies)
	for _, bad := range []string{"ftp://example.org/x", "s3cret", "http://", "http://u:s3cret@%zz/"} {
		err := notify.Sender{Config: project.NotifyConfig{Webhook: bad}}.Send(t.Context(), blocked)
		require.ErrorContains(t, err, "notify.webhook is not an address")
		require.NotContains(t, err.Error(), "s3cret")
	}
}

// office is a real SMTP server of this test.
type office struct {
	mu    sync.Mutex
	mails []string
	to    []string
}

func (o *office) NewSession(*smtp.Conn) (smtp.Session, error) { return &letter{office: o}, nil }

type letter struct{ office *office }

func (l *letter) Mail(from string, _ *smtp.MailOptions) error {
	if from != "data@example.org" {
		return errors.New("who is that")
	}
	return nil
}

func (l *letter) Rcpt(to string, _ *smtp.RcptOptions) error {
	l.office.to = append(l.office.to, to)
	return nil
}

func (l *letter) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	l.office.mu.Lock()
	defer l.office.mu.Unlock()
	l.office.mails = append(l.office.mails, string(text))
	return err
}

func (l *letter) Reset()        {}
func (l *letter) Logout() error { return nil }

func TestMailIsSentToEverybodyNamed(t *testing.T) {
	t.Parallel()
	o := &office{}
	server := smtp.NewServer(o)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }() // Ends with the server.
	t.Cleanup(func() { _ = server.Close() })
	at := listener.Addr().String()
	c := project.NotifyConfig{Mail: project.MailConfig{
		Server: "smtp://" + at + "?tls=none", From: "data@example.org", To: []string{"ops@example.org", "ann@example.org"},
	}}
	require.NoError(t, notify.Sender{Config: c}.Send(t.Context(), blocked))
	require.Len(t, o.mails, 1)
	require.Contains(t, o.mails[0], "Subject: shop: run 7 blocked")
	require.Contains(t, o.mails[0], "- orphans: 12 of 100 rows")
	require.Equal(t, []string{"ops@example.org", "ann@example.org"}, o.to)

	c.Mail.Server = "smtp://" + at
	err = notify.Sender{Config: c, Pause: time.Millisecond}.Send(t.Context(), blocked)
	require.ErrorContains(t, err, "mail was not sent", "a server without STARTTLS gets nothing")
	require.Len(t, o.mails, 1)
	for _, bad := range []string{"smtp://mail.example.org?tls=none", "smtp://x?y=z", "http://x", "smtp://u:s3cret@"} {
		c.Mail.Server = bad
		err = notify.Sender{Config: c, Pause: time.Hour}.Send(t.Context(), blocked)
		require.ErrorContains(t, err, "mail was not sent")
		require.NotContains(t, err.Error(), "s3cret")
	}
}
