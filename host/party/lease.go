package party

import (
	"context"
	"database/sql"
	"log/slog"
	"net"
	"os"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/host/service"
	"ekrona.example/host/store"
)

// address is the URL by which other processes call a service.
func (s Service) address() (string, error) {
	if s.URL != "" {
		return s.URL, nil
	}
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, err = os.Hostname(); err != nil {
			return "", err
		}
	}
	return "https://" + net.JoinHostPort(host, port), nil
}

// Lease is the part of a party in the lease of its database; that of a database which is a file is
// empty: the folder's lock says who works.
type Lease struct{ *store.Holding }

// giveUpTime bounds the end of a lease when a party ends: it ends by itself too.
const giveUpTime = 5 * time.Second

// Hold has a party on PostgreSQL write only while no other process on the same database does, until
// the folder is closed: then others take over at once.
func (f *Folder) Hold(db *sql.DB, s Service, e Environment) (l Lease, err error) {
	if store.DialectOf(db) != store.PostgreSQL {
		return Lease{}, nil
	}
	s = s.Complete()
	address, err := s.address()
	if err != nil {
		return Lease{}, err
	}
	l.Holding, err = store.Hold(db, store.Lease{Holder: address, Time: s.Lease,
		Clock: e.Complete().Clock})
	if err != nil {
		return Lease{}, err
	}
	f.OnClose(func() error {
		if _, self := l.Decides(); self {
			ctx, cancel := context.WithTimeout(context.Background(), giveUpTime)
			defer cancel()
			_ = l.GiveUp(ctx) // without a server nobody takes over
		}
		return nil
	})
	return l, nil
}

// Lead returns what a service asks for who decides; nil where there is one process.
func (l Lease) Lead() service.Lead {
	if l.Holding == nil {
		return nil
	}
	return l.Holding
}

// Keep returns the chore that keeps the lease: it renews it, and takes it when its holder has let
// it end. What changes is logged.
func (l Lease) Keep(log *slog.Logger, e Environment) func(ctx context.Context) {
	e = e.Complete()
	return func(ctx context.Context) {
		if l.Holding == nil {
			return
		}
		for was, failing := "", false; ; {
			err := l.Renew(context.WithoutCancel(ctx))
			holder, self := l.Decides()
			failed := holder == "" && err != nil
			switch {
			case failed && failing: // it is said once
			case failed:
				log.Error("lease: neither taken nor renewed; to be repeated until it is", "error",
					apdu.Joined(err.Error()))
			case failing && self:
				log.Warn("lease: this process decides again")
			case holder == was:
			case self && was == "":
				log.Info("lease: this process decides")
			case self:
				log.Warn("lease: this process decides now", "before", was)
			default:
				log.Warn("lease: another process decides", "holder", holder)
			}
			was, failing = holder, failed
			if e.Pause(ctx, l.Due()) != nil {
				return
			}
		}
	}
}
