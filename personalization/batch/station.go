package batch

import (
	"context"
	"errors"
	"fmt"

	"ekrona/host/progress"
	"ekrona/personalization"
	"ekrona/personalization/preflight"
)

// mostFailures is how often a card may refuse once its applet is there: the second
// time it is rejected. Before that there is nothing on it to save.
const mostFailures = 2

// station serves one reader.
type station struct {
	*run
	reader   string
	inserted chan struct{} // a card has come; room for one
}

// work serves card after card until ctx ends.
func (s *station) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.inserted:
			if err := s.serve(ctx); err != nil {
				s.stop(err)
				return
			}
		}
	}
}

// serve does all that is to be done with the card in the reader. An error is one
// after which no other card should be begun.
func (s *station) serve(ctx context.Context) (err error) {
	tap, err := s.readers.Connect(s.reader)
	if err != nil {
		s.tell(progress.Event{Kind: progress.NotTaken, Who: s.reader, Text: err.Error()})
		return nil
	}
	m := &meter{card: tap, clock: s.clock}
	err = s.card(ctx, m)
	if closed := tap.Close(); err == nil && m.lost == nil {
		err = closed
	}
	if ctx.Err() != nil && !isOurs(err) {
		return nil // the program is to end, and the card goes on another time
	}
	return err
}

// card finds the order of the card, and goes on with it.
func (s *station) card(ctx context.Context, m *meter) error {
	chip, err := Identify(ctx, m)
	if err != nil {
		return s.refuse(ctx, m, "", err.Error())
	}
	o, err := s.journal.orderOf(ctx, s.job, chip)
	switch {
	case errors.Is(err, errNoOrder):
		return s.fresh(ctx, m, chip)
	case err != nil:
		return err
	case o.state == active:
		return s.refuse(ctx, m, chip, fmt.Sprintf("it is %s for %s, which is active already", o.Device, o.Owner))
	}
	return s.issue(ctx, m, o)
}

// fresh gives a chip an order, if it may have one.
func (s *station) fresh(ctx context.Context, m *meter, chip Chip) error {
	unfit, err := s.unfit(ctx, m, chip)
	if err != nil {
		return err
	}
	if unfit != "" || m.lost != nil {
		return s.refuse(ctx, m, chip, unfit)
	}
	// With keys that are not the card's no device id is used up.
	client, err := s.line.Open(ctx, m)
	if err == nil {
		err = s.line.CheckKeys(client)
	}
	if isOurs(err) {
		return err
	}
	if err != nil {
		return s.refuse(ctx, m, chip, err.Error())
	}
	o, err := s.journal.reserve(ctx, s.job, s.registry, chip)
	if errors.Is(err, errNoneLeft) {
		s.tell(progress.Event{Kind: progress.NotTaken, Who: s.reader, Text: err.Error()})
		return nil
	}
	if err != nil {
		return ours(err)
	}
	return s.issue(ctx, m, o)
}

// unfit says why a chip without an order cannot have one. Nothing means that it can.
func (s *station) unfit(ctx context.Context, m *meter, chip Chip) (string, error) {
	report, err := preflight.Inspect(ctx, m, preflight.Options{Today: s.clock.Now(), Need: s.need, FinalVersion: s.line.FinalVersion})
	if err != nil {
		return err.Error(), nil
	}
	if obstacle := report.Obstacle(); obstacle != "" {
		return obstacle, nil
	}
	if report.AppletState() == 0 || s.line.DeleteApplet {
		return "", nil
	}
	device, reason, err := s.journal.rejectedAs(ctx, chip)
	if err != nil {
		return "", fmt.Errorf("journal: %w", err)
	}
	if device != "" {
		return fmt.Sprintf("it was rejected as %s (%s), and what was installed is still on it: clear it with --delete-applet, or take another card", device, reason), nil
	}
	return "it carries an e-krona applet that was begun elsewhere: go on with it there, or take another card", nil
}

// refuse turns a card away with which nothing was done.
func (s *station) refuse(ctx context.Context, m *meter, chip Chip, reason string) error {
	switch {
	case ctx.Err() != nil:
		return nil
	case m.lost != nil:
		s.tell(progress.Event{Kind: progress.Pulled, Who: s.reader, Text: m.lost.Error()})
		return nil
	}
	if err := s.journal.refused(ctx, s.reader, chip, reason); err != nil {
		return ours(err)
	}
	s.tell(progress.Event{Kind: progress.Refused, Who: s.reader, Text: reason})
	return nil
}

// issue goes on with an order on its card, to whatever end.
func (s *station) issue(ctx context.Context, m *meter, o order) error {
	began := s.clock.Now()
	m.take() // what came before is no step's
	v, err := s.journal.visit(ctx, s.reader, o.chip, &o, m)
	if err != nil {
		return ours(err)
	}
	blocks, err := o.secrets.digits.Secrets()
	if err != nil {
		return ours(err)
	}
	s.tell(progress.Event{Kind: progress.Taken, Who: s.reader, Device: string(o.Device), Owner: o.Owner, Stage: o.stage.Name()})
	_, err = s.line.Issue(ctx, m, o.Order, blocks, func(stage personalization.Stage) error {
		return ours(s.reached(ctx, v, &o, stage))
	})
	notice := progress.Event{Who: s.reader, Device: string(o.Device), Owner: o.Owner, Stage: o.stage.Name()}
	switch {
	case err == nil:
		notice.Kind, notice.Took = progress.Made, s.clock.Now().Sub(began)
	case isOurs(err) || ctx.Err() != nil:
		return err
	case m.lost != nil:
		notice.Kind, notice.Text = progress.Pulled, m.lost.Error()
		err = s.journal.pulled(ctx, v, notice.Text)
	default:
		notice.Text = err.Error()
		notice.Kind, err = s.spoiled(ctx, v, o, notice.Text)
	}
	if err != nil {
		return ours(err)
	}
	s.tell(notice)
	return nil
}

// reached keeps a stage. The PIN letter is there before the card can be active, and
// the secrets are gone when it is known to be.
func (s *station) reached(ctx context.Context, v *visit, o *order, stage personalization.Stage) error {
	switch stage {
	case personalization.Registered:
		if err := s.writeLetter(*o, false); err != nil {
			return err
		}
	case personalization.Active:
		if err := s.writeLetter(*o, true); err != nil {
			return err
		}
		replaced := s.job.Cards[o.position-1].Replaces
		if replaced != "" {
			if err := s.registry.ReportLost(ctx, replaced); err != nil {
				return err
			}
		}
		certificate, err := s.fingerprint(ctx, o.Device)
		if err != nil {
			return err
		}
		return s.journal.finish(ctx, v, o, certificate, replaced)
	}
	return s.journal.step(ctx, v, o, stage)
}

// spoiled says what becomes of a card that refuses: rejected, or tried once more.
func (s *station) spoiled(ctx context.Context, v *visit, o order, reason string) (progress.Kind, error) {
	if o.stage > personalization.Inspected && o.failures+1 < mostFailures {
		return progress.Failed, s.journal.failed(ctx, v, o, reason)
	}
	// No chip gets the place in the job before the registry knows that this card is out of use.
	s.journal.reserving.Lock()
	defer s.journal.reserving.Unlock()
	if err := s.journal.reject(ctx, v, o, reason); err != nil {
		return "", err
	}
	return progress.Rejected, s.clear(ctx)
}
