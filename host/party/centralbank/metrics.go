package centralbank

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
)

// batches shows how the notary decides. It implements prometheus.Collector.
type batches struct {
	callers, facts, seconds prometheus.Histogram
	oneByOne                prometheus.Counter
}

func newBatches() *batches {
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help,
			Buckets: buckets})
	}
	const doublings = 12
	return &batches{
		oneByOne: prometheus.NewCounter(prometheus.CounterOpts{Name: "ekrona_batches_broken_total",
			Help: "Batches of several callers that were undone and decided one by one."}),
		callers: histogram("ekrona_batch_callers",
			"Callers that one transaction of the notary answered.",
			prometheus.ExponentialBuckets(1, 2, doublings)),
		facts: histogram("ekrona_batch_facts", "Submitted messages that one transaction decided.",
			prometheus.ExponentialBuckets(1, 2, doublings)),
		seconds: histogram("ekrona_decide_seconds", "Time to decide a batch, its commit included.",
			prometheus.ExponentialBuckets(.001, 2, doublings+2)),
	}
}

func (b *batches) observe(one settlement.Batch) {
	b.callers.Observe(float64(one.Callers))
	b.facts.Observe(float64(one.Facts))
	b.seconds.Observe(one.Took.Seconds())
	if one.OneByOne {
		b.oneByOne.Inc()
	}
}

// Describe implements prometheus.Collector.
func (b *batches) Describe(all chan<- *prometheus.Desc) {
	for _, h := range []prometheus.Histogram{b.callers, b.facts, b.seconds} {
		h.Describe(all)
	}
	b.oneByOne.Describe(all)
}

// Collect implements prometheus.Collector.
func (b *batches) Collect(all chan<- prometheus.Metric) {
	for _, h := range []prometheus.Histogram{b.callers, b.facts, b.seconds} {
		h.Collect(all)
	}
	b.oneByOne.Collect(all)
}

// attacks counts those that devices have found on them, and logs each growth: somebody works on
// that card. It implements prometheus.Collector.
type attacks struct {
	prometheus.Counter
	log atomic.Pointer[slog.Logger] // nil for nobody
}

func newAttacks() *attacks {
	return &attacks{Counter: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "ekrona_attacks_found_total",
		Help: "Attacks on them that devices have found, as their States came."})}
}

func (a *attacks) grew(device message.DeviceID, before, now int) {
	a.Add(float64(now - before))
	if log := a.log.Load(); log != nil {
		log.Warn("a device has found attacks on it: ask its holder for it, or end it",
			"device", device, "before", before, "now", now)
	}
}

// totalsTime is for how long sums over the whole scheme are shown before they are made anew.
const totalsTime = time.Minute

// totals shows the scheme's sums as metrics. It implements prometheus.Collector.
type totals struct {
	of  notary.Supervisor
	log *slog.Logger
	now func() time.Time

	last   notary.Totals
	making singleflight.Group
	// patience ends the wait for sums that are made; nil is after sumsTime.
	patience func() <-chan time.Time
}

// sumsTime is for how long a scrape waits for the sums: a later one has them.
const sumsTime = 5 * time.Second

var errSlow = errors.New("they are not made yet: the database is slow, or stands still")

var (
	issuedMetric = prometheus.NewDesc("ekrona_issued_ore", "All e-krona that were issued.", nil,
		nil)
	poolMetric = prometheus.NewDesc("ekrona_pool_ore", "In the liquidity pool.", nil, nil)
	lentMetric = prometheus.NewDesc("ekrona_pool_lent_ore", "Lent by the pool ahead of what cards "+
		"will be paid.", nil, nil)
	onlineMetric = prometheus.NewDesc("ekrona_online_ore",
		"Online holding of an intermediary.", []string{"intermediary"}, nil)
	shadowMetric = prometheus.NewDesc("ekrona_shadow_ore",
		"Shadow wallets of an intermediary's devices.", []string{"intermediary"}, nil)
	unknownMetric = prometheus.NewDesc("ekrona_unheard_of_ore", "Shadow wallets of devices, by "+
		"the hours for which at most nothing was heard of them; 0: longer.",
		[]string{"intermediary", "hours"}, nil)
	claimsMetric = prometheus.NewDesc("ekrona_open_claims", "Payments without a final verdict, by "+
		"their age in hours at most; 0: older.", []string{"verdict", "hours"}, nil)
	claimsOreMetric = prometheus.NewDesc("ekrona_open_claims_ore", "What the open claims come to.",
		[]string{"verdict", "hours"}, nil)
)

// errSums is all that a scrape shows of a failure: the log has it.
var errSums = errors.New("the sums cannot be made: see the log")

// Describe implements prometheus.Collector.
func (t *totals) Describe(all chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{issuedMetric, poolMetric, lentMetric, onlineMetric,
		shadowMetric, unknownMetric, claimsMetric, claimsOreMetric} {
		all <- d
	}
}

// Collect implements prometheus.Collector.
func (t *totals) Collect(all chan<- prometheus.Metric) {
	sums, err := t.sums()
	if err != nil {
		t.log.Error("the sums for the metrics", "error", apdu.Joined(err.Error()))
		all <- prometheus.NewInvalidMetric(issuedMetric, errSums)
		return
	}
	show := func(d *prometheus.Desc, value float64, labels ...string) {
		all <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	show(issuedMetric, float64(sums.Issued))
	show(poolMetric, float64(sums.Pool))
	show(lentMetric, float64(sums.Lent))
	for _, i := range sums.Intermediaries {
		show(onlineMetric, float64(i.Online), string(i.Name))
		show(shadowMetric, float64(i.Shadow), string(i.Name))
		for _, a := range i.Unknown {
			show(unknownMetric, float64(a.Amount), string(i.Name), strconv.Itoa(a.Hours))
		}
	}
	for verdict, ages := range map[notary.Verdict][]notary.Age{notary.Reserved: sums.Reserved,
		notary.Waiting: sums.Pending} {
		for _, a := range ages {
			show(claimsMetric, float64(a.Count), verdict.String(), strconv.Itoa(a.Hours))
			show(claimsOreMetric, float64(a.Amount), verdict.String(), strconv.Itoa(a.Hours))
		}
	}
}

// sums returns the sums, which are made at most once in totalsTime: they are over all devices.
func (t *totals) sums() (notary.Totals, error) {
	made := t.making.DoChan("", func() (any, error) { return t.make() })
	patience := t.patience
	if patience == nil {
		patience = func() <-chan time.Time { return time.After(sumsTime) }
	}
	select {
	case result := <-made:
		return result.Val.(notary.Totals), result.Err
	case <-patience():
		return notary.Totals{}, errSlow
	}
}

// make makes the sums, for all who wait, unless the last ones are fresh. One at a time does.
func (t *totals) make() (notary.Totals, error) {
	if age := t.now().Sub(t.last.At); !t.last.At.IsZero() && age >= 0 && age < totalsTime {
		return t.last, nil
	}
	sums, err := t.of.Totals(context.Background())
	if err == nil {
		t.last = sums
	}
	return sums, err
}
