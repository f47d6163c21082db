package party

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ekrona.example/host/clock"
)

const (
	// clockTolerance is by how much two clocks may differ without a word about it.
	clockTolerance = time.Minute
	// clockDoubt is by how much they have to differ for one to be wrong: nothing final is done then
	// that only a clock asks for.
	clockDoubt = time.Hour
	// heardTime is for how long it counts what a clock showed.
	heardTime = 3 * time.Hour
)

// Clocks compare the clock of a party with those of the parties that it calls and that call it, as
// their messages show them. They implement prometheus.Collector.
type Clocks struct {
	log   *slog.Logger
	now   func() time.Time // by which it is known what is how old
	first chan struct{}    // closed when one was heard

	mu sync.Mutex
	by map[string]*heardClock
}

// heardClock is what one party's clock showed last.
type heardClock struct {
	ahead    time.Duration
	at, said time.Time
}

// NewClocks returns clocks of which none was heard; log is nil for nobody.
func NewClocks(log *slog.Logger) *Clocks {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Clocks{log: log, now: time.Now, first: make(chan struct{}),
		by: map[string]*heardClock{}}
}

// Heard takes in by how much the clock of a party is ahead of this one's. That they differ is
// logged, at first and once a day, and that they do not any longer.
func (c *Clocks) Heard(name string, ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.by) == 0 {
		close(c.first)
	}
	h := c.by[name]
	if h == nil {
		h = &heardClock{}
		c.by[name] = h
	}
	now := c.now()
	h.ahead, h.at = ahead, now
	switch differ := ahead.Abs() > clockTolerance; {
	case differ && (h.said.IsZero() || now.Sub(h.said) >= sayTime):
		h.said = now
		c.log.Warn("the clock of another party differs: one of the two is wrong, and what is "+
			"dated by it is refused", "of", name, "is", aheadText(ahead), "to_do",
			"compare both with a third (timedatectl), and set the wrong one")
	case !differ && !h.said.IsZero():
		h.said = time.Time{}
		c.log.Warn("the clock of another party agrees again", "of", name)
	}
}

// aheadText says by how much a clock differs.
func aheadText(ahead time.Duration) string {
	by := ahead.Abs().Round(time.Second).String()
	if ahead < 0 {
		return by + " behind"
	}
	return by + " ahead"
}

// AwaitFirst returns when a clock was heard, or with the context's error before.
func (c *Clocks) AwaitFirst(ctx context.Context) error {
	select {
	case <-c.first:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Doubted returns an error while half of the clocks that were heard lately, or more, differ so much
// from this party's that its own may be wrong.
func (c *Clocks) Doubted() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, heard, differ := c.now(), 0, 0
	for _, h := range c.by {
		if now.Sub(h.at) > heardTime {
			continue
		}
		heard++
		if h.ahead.Abs() > clockDoubt {
			differ++
		}
	}
	if heard == 0 {
		return fmt.Errorf("the clock of this machine cannot be compared: no other was heard in "+
			"the last %d hours", int(heardTime/time.Hour))
	}
	if 2*differ >= heard {
		return fmt.Errorf("the clock of this machine may be wrong: %d of %d that were heard in "+
			"the last %d hours differ from it by more than an hour: compare it with a third "+
			"(timedatectl)", differ, heard, int(heardTime/time.Hour))
	}
	return nil
}

var clockMetric = prometheus.NewDesc("ekrona_clock_ahead_seconds", "By how much the clock of "+
	"another party was ahead of this one's when it was heard last; below 0: behind.",
	[]string{"of"}, nil)

// Describe implements prometheus.Collector.
func (c *Clocks) Describe(all chan<- *prometheus.Desc) { all <- clockMetric }

// Collect implements prometheus.Collector.
func (c *Clocks) Collect(all chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, h := range c.by {
		all <- prometheus.MustNewConstMetric(clockMetric, prometheus.GaugeValue,
			h.ahead.Seconds(), name)
	}
}

// shownClock returns the clock that a party shows others.
func (e Environment) shownClock() func() time.Time { return clock.OrSystem(e.Clock).Now }
