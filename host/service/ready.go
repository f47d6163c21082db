package service

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ekrona.example/apdu"
	"ekrona.example/host/remote"
)

// UnreadyError says why a service cannot work now.
type UnreadyError struct {
	Why string // what everybody may know
	Err error  // for the log
}

// Error returns all of it.
func (u *UnreadyError) Error() string { return u.Why + ": " + u.Err.Error() }

// Unwrap returns what is in the log only.
func (u *UnreadyError) Unwrap() error { return u.Err }

const (
	readyTimeout = 5 * time.Second
	stopping     = "stopping"
	notReady     = "not ready"
)

// readyAnswer is what everybody learns of a service.
type readyAnswer struct {
	Status  string `json:"status"`
	Why     string `json:"why,omitempty"`
	Decides *bool  `json:"decides,omitempty"` // this process does
	Holder  string `json:"holder,omitempty"`
}

// ready reports whether calls can be answered.
func (s *Service) ready(w http.ResponseWriter, r *http.Request) {
	answer, is := s.readiness(r.Context())
	status := http.StatusOK
	if !is {
		status = http.StatusServiceUnavailable
	}
	body, err := json.Marshal(answer)
	if err != nil { // no text in it is a reason
		body = []byte("{}")
	}
	s.write(w, "application/json", status, body)
}

// readiness says whether calls can be answered, and by whom where there are several processes. One
// that neither decides nor passes calls on has none to be sent to it, nor has any while nobody
// decides: the database answers, and takes no writes.
func (s *Service) readiness(ctx context.Context) (answer readyAnswer, is bool) {
	if s.stopping.Load() {
		return readyAnswer{Status: stopping}, false
	}
	if s.config.Ready != nil {
		ctx, cancel := context.WithTimeout(ctx, readyTimeout)
		defer cancel()
		err := s.config.Ready(ctx)
		s.noteReady(ctx, err)
		var known *UnreadyError
		switch {
		case errors.As(err, &known):
			return readyAnswer{Status: notReady, Why: known.Why}, false
		case err != nil:
			return readyAnswer{Status: notReady}, false
		}
	}
	answer = readyAnswer{Status: "ready"}
	if s.config.Lead == nil {
		return answer, true
	}
	holder, self := s.config.Lead.Decides()
	answer.Decides, answer.Holder = &self, holder
	switch {
	case self:
	case holder == "":
		answer.Status = "nobody decides"
		return answer, false
	case s.forward.tls == nil:
		answer.Status = "standby"
		return answer, false
	}
	return answer, true
}

// noteReady logs that a service is not ready, sparingly, and that it is again.
func (s *Service) noteReady(ctx context.Context, err error) {
	was := s.unready.Swap(err != nil)
	if err == nil {
		if was {
			s.config.Log.Warn("ready again", "request_id", remote.RequestID(ctx))
		}
		return
	}
	if hidden, is := s.sparing.line(notReady, time.Now()); is {
		s.config.Log.Error(notReady, "request_id", remote.RequestID(ctx), "error",
			apdu.Joined(err.Error()), "others_before", hidden)
	}
}

// readyMetric shows whether a service is ready. It implements prometheus.Collector.
type readyMetric struct{ *Service }

var readyDesc = prometheus.NewDesc("ekrona_ready",
	"1 where /readyz says that the service is ready, 0 with the reason where it does not.",
	[]string{"why"}, nil)

// Describe implements prometheus.Collector.
func (readyMetric) Describe(all chan<- *prometheus.Desc) { all <- readyDesc }

// Collect implements prometheus.Collector.
func (m readyMetric) Collect(all chan<- prometheus.Metric) {
	answer, is := m.readiness(context.Background())
	value, why := 1.0, ""
	if !is {
		if value, why = 0, answer.Why; why == "" {
			why = answer.Status
		}
	}
	all <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, value, why)
}
