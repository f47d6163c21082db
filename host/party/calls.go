package party

import (
	"github.com/prometheus/client_golang/prometheus"

	"ekrona.example/host/service"
	"ekrona.example/host/service/link"
)

// Calls count the calls that a party makes. They implement prometheus.Collector.
type Calls struct {
	made     *prometheus.CounterVec
	repeated *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// NewCalls returns calls of which none was made.
func NewCalls() *Calls {
	return &Calls{
		made: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ekrona_calls_made_total",
			Help: "Calls of this party to others, by what became of them; code is ok, that of " +
				"the rule, unreachable, lost (the answer was) or strange."},
			[]string{"contract", "call", "code"}),
		repeated: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ekrona_calls_made_again_total",
			Help: "Requests of these calls beyond the first: it had found no room, no answer or " +
				"nobody."}, []string{"contract", "call"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ekrona_call_made_seconds", Help: "Time of these calls, their repeats included.",
			Buckets: service.CallSeconds}, []string{"contract", "call"}),
	}
}

// Observe counts a call.
func (c *Calls) Observe(m link.Made) {
	c.made.WithLabelValues(m.Contract, m.Call, m.Code).Inc()
	c.repeated.WithLabelValues(m.Contract, m.Call).Add(float64(m.Tries - 1))
	c.seconds.WithLabelValues(m.Contract, m.Call).Observe(m.Took.Seconds())
}

// Describe implements prometheus.Collector.
func (c *Calls) Describe(all chan<- *prometheus.Desc) {
	for _, of := range []prometheus.Collector{c.made, c.repeated, c.seconds} {
		of.Describe(all)
	}
}

// Collect implements prometheus.Collector.
func (c *Calls) Collect(all chan<- prometheus.Metric) {
	for _, of := range []prometheus.Collector{c.made, c.repeated, c.seconds} {
		of.Collect(all)
	}
}
