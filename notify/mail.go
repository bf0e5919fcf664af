package notify

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/wneessen/go-mail"

	"lifeline/change"
)

// mail sends the notice as plain text. smtp:// asks for STARTTLS and goes on only with it, smtps:// speaks TLS from the first byte;
// without either only a server on this machine is spoken to (smtp://localhost:25?tls=none).
func (s Sender) mail(ctx context.Context, n *Notice) error {
	message := mail.NewMsg()
	if err := message.From(s.Config.Mail.From); err != nil {
		return finalError{errors.New("notify.mail.from is not a mail address")}
	}
	if err := message.To(s.Config.Mail.To...); err != nil {
		return finalError{errors.New("notify.mail.to has an entry that is not a mail address")}
	}
	message.Subject(fmt.Sprintf("%s: run %d %s", n.Project, n.RunID, n.Event))
	message.SetBodyString(mail.TypeTextPlain, lines(n)+"\n")
	client, err := s.mailClient()
	if err != nil {
		return finalError{err}
	}
	if err := client.DialAndSendWithContext(ctx, message); err != nil {
		return fmt.Errorf("send: %w", withoutName(err))
	}
	return nil
}

func (s Sender) mailClient() (*mail.Client, error) {
	a, err := change.ParseAddress(s.Config.Mail.Server)
	if err != nil || (a.Scheme != "smtp" && a.Scheme != "smtps") || a.Host == "" {
		return nil, errors.New("notify.mail.server is not an address: write smtp://user:password@host:587")
	}
	port, options := 587, []mail.Option{mail.WithTimeout(oneTry), mail.WithTLSPolicy(mail.TLSMandatory)}
	if a.Scheme == "smtps" {
		port, options = 465, append(options, mail.WithSSL())
	}
	for _, p := range a.Parameters {
		if p.Name != "tls" || p.Value != "none" {
			return nil, fmt.Errorf("notify.mail.server knows no parameter %q", p.Name)
		}
		if a.Host != "localhost" && a.Host != "127.0.0.1" && a.Host != "::1" {
			return nil, errors.New("tls=none is for a mail server on this machine")
		}
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if a.Port != "" {
		if port, err = strconv.Atoi(a.Port); err != nil {
			return nil, err
		}
	}
	if a.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(a.User), mail.WithPassword(a.Password))
	}
	return mail.NewClient(a.Host, append(options, mail.WithPort(port))...)
}
