package sandbox

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/durable"
	"ekrona.example/host/notary"
	"ekrona.example/host/party/bank"
	"ekrona.example/personalization/pki"
)

// Rolled says what a rollover has made.
type Rolled struct {
	Root   cvc.Holder `json:"root"`   // that everybody follows now
	Crisis cvc.Holder `json:"crisis"` // the crisis key that it has certified
	// Order is the number under which the order in force was ordered again, 0 where none was.
	Order uint32 `json:"order,omitempty"`
}

// rolledFile exists once everybody has followed the root in whose name it is.
const rolledFile = ".followed"

// Rollover replaces the root of a sandbox of which no party is started:
//
//  1. The next root is made, and certifies again what the one before has certified.
//  2. The central bank and the banks follow it, and the banks join again with the same keys.
//  3. It certifies the next crisis key, which ends a day after the former one at least. An order in
//     force is ordered again by it: who has met it takes none of the former key.
//
// Phones, terminals and cards learn root and CAs when they synchronise. A cut leaves some of it
// done; the same call does the rest.
func (s *Sandbox) Rollover(ctx context.Context) (done Rolled, err error) {
	if s.centralBank != nil || len(s.banks) > 0 {
		return done, errors.New("sandbox: rollover: the central bank or a bank is started " +
			"already, with the former root's certificates: close the sandbox, and open it again")
	}
	roots := pki.Open(s.path(rootFolder), s.options.Random)
	number, err := s.nextRoot()
	if err != nil {
		return done, err
	}
	name := numbered(rootName, number)
	next, err := roots.Root(name, s.subject(cvc.Holder(fmt.Sprintf("SERIKSBK%05d", number)),
		spec.RoleRoot, rootYears))
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, next.Close()) }()
	done.Root = next.Certificate.Holder
	again, err := roots.Rollover(ctx, numbered(rootName, number-1), name, nil,
		message.DateOf(s.options.Clock.Now()))
	if err != nil {
		return done, err
	}
	var certificates [][]byte
	for _, k := range again {
		certificates = append(certificates, k.Encoded)
	}
	if err := s.follow(ctx, certificates); err != nil {
		return done, err
	}
	if done.Crisis, err = s.rollCrisisKey(number, next); err != nil {
		return done, err
	}
	if done.Order, err = s.orderAgain(ctx); err != nil {
		return done, err
	}
	return done, durable.Ensure(s.path(rootFolder, name+rolledFile), nil, durable.Everyone)
}

// numbered returns the name of the n-th key: root, root2, root3.
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s%d", name, n)
}

// nextRoot returns the number of the next root, or of one whose rollover was cut off.
func (s *Sandbox) nextRoot() (int, error) {
	for n := 2; ; n++ {
		followed, err := durable.Exists(s.path(rootFolder, numbered(rootName, n)+rolledFile))
		if err != nil || !followed {
			return n, err
		}
	}
}

// follow has the central bank and all banks take what the next root has certified, and join again.
func (s *Sandbox) follow(ctx context.Context, certificates [][]byte) error {
	folders, damaged, err := s.bankFolders()
	if err = errors.Join(append(damaged, err)...); err != nil {
		return err
	}
	for n, folder := range folders {
		folders[n] = s.path(folder)
	}
	keysOf := func(folder string) pki.Folder {
		return pki.Open(filepath.Join(folder, "keys"), s.options.Random)
	}
	for _, folder := range append([]string{s.path(centralBankFolder)}, folders...) {
		if _, err := keysOf(folder).Follow(ctx, certificates); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	c, err := s.CentralBank(ctx)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		settings, err := bank.ReadSettings(folder)
		if err != nil {
			return err
		}
		ca, instruction, err := bank.Certificates(folder)
		if err != nil {
			return err
		}
		if err := c.Join(ctx, settings.Name, ca, instruction); err != nil {
			return err
		}
	}
	return nil
}

// rollCrisisKey makes the n-th crisis key, certified by a root. Each ends a day later than the one
// before at least.
func (s *Sandbox) rollCrisisKey(n int, root pki.Identity) (cvc.Holder, error) {
	subject := s.subject(cvc.Holder(fmt.Sprintf("SECRISIS%05d", n)), spec.RoleCrisisKey,
		authorityYears)
	former, err := pki.Open(s.path(crisisFolder), s.options.Random).ReadCertificate(
		numbered(crisisName, n-1))
	if err != nil {
		return "", err
	}
	if later := former.Certificate.Expiry.AddDays(1); subject.Expiry.Before(later) {
		subject.Expiry = later
	}
	made, err := pki.Open(s.path(crisisFolder), s.options.Random).Certified(
		numbered(crisisName, n), subject, root)
	return subject.Holder, errors.Join(err, made.Close())
}

// crisisKey names the newest crisis key.
func (s *Sandbox) crisisKey() (string, error) {
	for n := 1; ; n++ {
		there, err := durable.Exists(s.path(crisisFolder, numbered(crisisName, n+1)+".cvc"))
		if err != nil || !there {
			return numbered(crisisName, n), err
		}
	}
}

// orderAgain has the newest crisis key sign the order in force once more, unless it has signed it,
// and returns its number; 0 where none with rows is in force.
func (s *Sandbox) orderAgain(ctx context.Context) (number uint32, err error) {
	c, err := s.CentralBank(ctx)
	if err != nil {
		return 0, err
	}
	report, err := c.CrisisOrders(ctx, notary.CrisisPage{Limit: 1})
	if err != nil || len(report.Orders) == 0 {
		return 0, err
	}
	signed := report.Orders[0]
	order, err := message.Parse[message.CrisisOrder](signed.Order)
	if err != nil {
		return 0, err
	}
	today := message.DateOf(s.options.Clock.Now())
	newest, err := s.CrisisCertificate()
	if err != nil || len(order.Rows) == 0 || today.After(order.Until) {
		return 0, err
	}
	key, err := cvc.Parse(newest)
	if err != nil {
		return 0, err
	}
	if string(order.CrisisKey) == string(key.Holder) { // before a cut
		return order.Number, nil
	}
	if order.From.Before(today) {
		order.From = today
	}
	if _, err := s.OrderCrisis(ctx, notary.CrisisDraft{From: order.From, Until: order.Until,
		Rows: order.Rows}, signed.By+", again after a rollover"); err != nil {
		return 0, err
	}
	return order.Number + 1, nil
}
