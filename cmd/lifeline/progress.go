package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress shows a walk to people: a bar with rate and time left on a terminal, one calm line a step without one, nothing with
// --json and no terminal.
type progress struct {
	mu      sync.Mutex
	w       io.Writer
	t       terminal
	bars    *mpb.Progress // nil without a terminal.
	bar     *mpb.Bar
	step    string
	began   time.Time
	quietly bool
}

func newProgress(g *Globals) *progress {
	p := &progress{w: g.terminal.err, t: g.terminal, quietly: g.JSON && !g.terminal.interactive()}
	if g.LogFormat == logJSON { // The walk logs its steps itself.
		p.quietly = true
		return p
	}
	if g.terminal.interactive() {
		p.bars = mpb.New(mpb.WithOutput(g.terminal.err), mpb.WithWidth(40), mpb.WithRefreshRate(150*time.Millisecond))
	}
	return p
}

// Begin implements run.Progress.
func (p *progress) Begin(step string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step, p.began = step, time.Now()
	if p.bars == nil {
		return
	}
	p.bar = p.bars.New(0, mpb.BarStyle().Lbound("").Rbound("").Filler("━").Tip("━").Padding("─"),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-10s", step))),
		mpb.AppendDecorators(decor.Any(rateAndLeft(p.began))))
}

// Advance implements run.Progress.
func (p *progress) Advance(step string, done, total int64, _ string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar == nil || step != p.step {
		return
	}
	p.bar.SetTotal(max(total, done+1), false)
	p.bar.SetCurrent(done)
}

// End implements run.Progress.
func (p *progress) End(step, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.SetTotal(-1, true)
		p.bar.Wait()
		p.bar = nil
	}
	if p.quietly || line == "" {
		return
	}
	text := fmt.Sprintf("%-10s %-9s %s\n", step, seconds(time.Since(p.began)), line)
	if p.bars != nil {
		_, _ = p.bars.Write([]byte(p.t.dim(text)))
		return
	}
	fmt.Fprint(p.w, text)
}

// Close puts the terminal back in order.
func (p *progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Abort(true)
		p.bar = nil
	}
	if p.bars != nil {
		p.bars.Wait()
		p.bars = nil
	}
}

// rateAndLeft shows how far a step is, how fast and how long it still takes.
func rateAndLeft(began time.Time) decor.DecorFunc {
	return func(s decor.Statistics) string {
		elapsed := time.Since(began).Seconds()
		if elapsed < 0.2 || s.Current == 0 {
			return ""
		}
		rate := float64(s.Current) / elapsed
		text := fmt.Sprintf(" %s of %s, %s/s", count(s.Current), count(s.Total), count(int64(rate)))
		if left := float64(s.Total-s.Current) / rate; s.Total > s.Current {
			text += ", " + seconds(time.Duration(left*float64(time.Second))) + " left"
		}
		return text
	}
}
