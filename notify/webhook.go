package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// errPrivate says that the webhook's name leads into a private network.
var errPrivate = errors.New("its address is private, loopback or link-local (notify.allow_private: true allows it)")

// sharedSpace is where carriers' and clouds' own services live (RFC 6598): as private as the networks that netip calls so.
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// public tells whether an address may be posted to without leave: a webhook in a shared project must not reach what only this machine
// can, such as a cloud's metadata service.
func public(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && !sharedSpace.Contains(a) && !embedded(a)
}

// embedded tells whether an IPv6 address stands for an IPv4 one (NAT64, 6to4), by which a private network could be reached.
func embedded(a netip.Addr) bool {
	return netip.MustParsePrefix("64:ff9b::/96").Contains(a) || netip.MustParsePrefix("64:ff9b:1::/48").Contains(a) ||
		netip.MustParsePrefix("2002::/16").Contains(a)
}

// client connects to addresses that are allowed only: what is checked is the address dialled, so no name can lead elsewhere later.
// It follows no redirect and asks no proxy.
func (s Sender) client() *http.Client {
	dialer := &net.Dialer{Timeout: oneTry, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !s.Config.AllowPrivate && !public(to.Addr()) {
			return finalError{errPrivate}
		}
		return nil
	}}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s Sender) post(ctx context.Context, n *Notice) error {
	body, err := s.body(n)
	if err != nil {
		return finalError{err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Config.Webhook, bytes.NewReader(body))
	if err != nil || request.URL.Host == "" || (request.URL.Scheme != "http" && request.URL.Scheme != "https") {
		return finalError{errors.New("notify.webhook is not an address: write https://…")} // The error itself would show it (promise 10).
	}
	request.Header.Set("Content-Type", "application/json")
	if s.Config.Secret != "" {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		request.Header.Set("X-Lifeline-Timestamp", at)
		request.Header.Set("X-Lifeline-Signature", "sha256="+Signature(s.Config.Secret, at, body))
	}
	answer, err := s.client().Do(request)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // Without the address, which is a secret.
		}
		return withoutName(err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	switch code := answer.StatusCode; {
	case code < http.StatusMultipleChoices:
		return nil
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= http.StatusInternalServerError:
		return fmt.Errorf("it answered %s", answer.Status)
	default:
		return finalError{fmt.Errorf("it answered %s", answer.Status)}
	}
}

// withoutName leaves the host's name out of an error of its look-up.
func withoutName(err error) error {
	var d *net.DNSError
	if errors.As(err, &d) {
		return errors.New("its host was not found")
	}
	return err
}

// Signature is what X-Lifeline-Signature holds behind sha256=: the HMAC of the time, a dot and the body, in hex.
func Signature(secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// body is the notice in the form that the receiver reads.
func (s Sender) body(n *Notice) ([]byte, error) {
	switch s.Config.Format {
	case "slack":
		return json.Marshal(map[string]string{"text": escapeSlack(lines(n))})
	case "teams":
		card := map[string]any{
			"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
			"body": []any{map[string]any{"type": "TextBlock", "wrap": true, "text": lines(n)}},
		}
		return json.Marshal(map[string]any{
			"type":        "message",
			"attachments": []any{map[string]any{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}},
		})
	default:
		return json.Marshal(n)
	}
}

// escapeSlack keeps a text from being read as a link or a mention.
func escapeSlack(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// lines are the notice as people read it.
func lines(n *Notice) string {
	out := n.Text
	for _, f := range n.Found {
		out += "\n- " + f
	}
	return out
}
