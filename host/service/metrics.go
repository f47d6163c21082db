package service

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ekrona.example/apdu"
	"ekrona.example/host/remote"
)

// metrics are what a service counts of its calls.
type metrics struct {
	registry *prometheus.Registry
	calls    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge

	connections prometheus.Gauge
	crowded     prometheus.Counter
}

// CallSeconds are the bounds of histograms of the time of calls.
var CallSeconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newMetrics(others []prometheus.Collector) (*metrics, error) {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ekrona_calls_total",
			Help: "Calls, by what became of them; code is ok, or that of the rule."},
			[]string{"contract", "call", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ekrona_call_seconds",
			Help: "Time from a request's header to its answer.", Buckets: CallSeconds},
			[]string{"contract", "call"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "ekrona_calls_in_flight",
			Help: "Calls that are carried out at this moment."}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "ekrona_connections",
			Help: "Connections that are open."}),
		crowded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ekrona_connections_refused_total",
			Help: "Connections that were closed at once: their address had as many as it may."}),
	}
	for _, c := range append([]prometheus.Collector{m.calls, m.seconds, m.inFlight,
		m.connections, m.crowded, collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})}, others...) {
		if err := m.registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// leads shows which process of the party decides. It implements prometheus.Collector.
type leads struct{ Lead }

var leadMetric = prometheus.NewDesc("ekrona_lease",
	"1 where this process decides on its database, 0 where the holder does.", []string{"holder"},
	nil)

// Describe implements prometheus.Collector.
func (l leads) Describe(all chan<- *prometheus.Desc) { all <- leadMetric }

// Collect implements prometheus.Collector.
func (l leads) Collect(all chan<- prometheus.Metric) {
	holder, self := l.Decides()
	value := 0.0
	if self {
		value = 1
	}
	all <- prometheus.MustNewConstMetric(leadMetric, prometheus.GaugeValue, value, holder)
}

// observe counts one request. What is not known here has empty names: callers do not choose labels.
func (m *metrics) observe(v *visit, took time.Duration) {
	m.calls.WithLabelValues(v.contract, v.call, cmp.Or(v.code, "ok")).Inc()
	m.seconds.WithLabelValues(v.contract, v.call).Observe(took.Seconds())
}

// scrapeLog is what a scrape could not show, under its request's id.
type scrapeLog struct {
	log *slog.Logger
	id  string
}

// Println implements promhttp.Logger.
func (l scrapeLog) Println(what ...any) {
	l.log.Error("metrics", "request_id", l.id, "error", apdu.Joined(fmt.Sprint(what...)))
}

// showMetrics answers an operator's Prometheus: the numbers say how much money is where. What needs
// a database that is down is left out.
func (s *Service) showMetrics(w http.ResponseWriter, r *http.Request) {
	e := Endpoint{Contract: "metrics", Who: Certified, Admits: Named(s.config.Operators)}
	if _, err := s.identify(r, e, nil); err != nil {
		s.refuseBeside(w, r, "metrics", err)
		return
	}
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      scrapeLog{s.config.Log, remote.RequestID(r.Context())},
	}).ServeHTTP(w, r)
}
