package party

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ekrona.example/apdu"
	"ekrona.example/personalization/pki/transport"
)

const (
	// renewTime before its end a certificate is to be renewed, and that is logged.
	renewTime = 30 * 24 * time.Hour
	// sayTime is between two lines in the log about it.
	sayTime = 24 * time.Hour
	// lookTime is between two looks at the certificates.
	lookTime = time.Hour
)

var endsMetric = prometheus.NewDesc("ekrona_certificate_ends_timestamp_seconds",
	"When a certificate of this service ends, by the name of its key: afterwards others refuse it.",
	[]string{"certificate"}, nil)

// certificates are those that a server shows. They implement prometheus.Collector.
type certificates struct{ of *Server }

// Describe implements prometheus.Collector.
func (c certificates) Describe(all chan<- *prometheus.Desc) { all <- endsMetric }

// Collect implements prometheus.Collector.
func (c certificates) Collect(all chan<- prometheus.Metric) {
	for name, e := range c.byName() {
		all <- prometheus.MustNewConstMetric(endsMetric, prometheus.GaugeValue,
			float64(e.Until().Unix()), name)
	}
}

// byName returns one endpoint for each certificate; two may show the same.
func (c certificates) byName() map[string]*transport.Endpoint {
	all := map[string]*transport.Endpoint{}
	for _, e := range c.of.endpoints() {
		all[keyOf(e)] = e
	}
	return all
}

// keyOf returns the name of the key of a certificate.
func keyOf(e *transport.Endpoint) string {
	file := filepath.Base(e.File())
	return strings.TrimSuffix(file, filepath.Ext(file))
}

// watchCertificates is a chore: it logs that a certificate has to be renewed, in time and then each
// day, and shows one that was renewed on the disk also where nobody has sent SIGHUP.
func (s *Server) watchCertificates(e Environment) func(ctx context.Context) {
	return func(ctx context.Context) {
		said := map[string]time.Time{}
		for {
			for name, shown := range (certificates{s}).byName() {
				now := e.Clock.Now()
				if shown.Until().Sub(now) > renewTime {
					continue
				}
				failed := s.renewed(ctx, name)
				left := shown.Until().Sub(now)
				if left > renewTime || now.Sub(said[name]) < sayTime && left > lookTime {
					continue
				}
				said[name] = now
				s.warnOfEnd(ctx, shown, left, failed)
			}
			if e.Pause(ctx, lookTime) != nil {
				return
			}
		}
	}
}

// renewed reads a certificate anew, wherever it is shown.
func (s *Server) renewed(ctx context.Context, name string) (failed error) {
	for _, e := range s.endpoints() {
		if keyOf(e) == name {
			if err := e.Reload(ctx); err != nil {
				failed = err
			}
		}
	}
	return failed
}

func (s *Server) warnOfEnd(
	ctx context.Context, e *transport.Endpoint, left time.Duration, failed error,
) {
	const day = 24 * time.Hour
	level, says := slog.LevelWarn, "a certificate ends soon"
	if left <= 0 {
		level, says = slog.LevelError, "a certificate has ended: others refuse it"
	}
	fields := []any{"file", e.File(), "ends", e.Until().Format(time.RFC3339), "days_left",
		int(left / day), "to_do", `renew it by "ekrona pki" and send SIGHUP`}
	if failed != nil {
		fields = append(fields, "error", apdu.Joined(failed.Error()))
	}
	s.log.Log(ctx, level, says, fields...)
}
