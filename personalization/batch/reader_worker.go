package batch

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/host/progress"
	"ekrona.example/personalization"
	"ekrona.example/personalization/preflight"
)

// mostFailures is how often a card may refuse once its applet is there: the second
// time it is rejected. Before that there is nothing on it to save.
const mostFailures = 2

// readerWorker serves one reader.
type readerWorker struct {
	*run
	reader   string
	inserted chan struct{} // a card has come; room for one
}

// work serves card after card until ctx ends.
func (s *readerWorker) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.inserted:
			if err := s.handleCard(ctx); err != nil {
				s.stop(err)
				return
			}
		}
	}
}

// handleCard does all that is to be done with the card in the reader. An error is one
// after which no other card should be started.
func (s *readerWorker) handleCard(ctx context.Context) (err error) {
	notTaken := func(why error) {
		s.notify(progress.Event{Kind: progress.NotTaken, Who: s.reader, Text: why.Error()})
	}
	tap, err := s.readers.Connect(ctx, s.reader, notTaken)
	if err != nil {
		if ctx.Err() == nil {
			notTaken(err)
		}
		return nil
	}
	m := &meter{card: tap, clock: s.clock}
	err = s.card(ctx, m)
	if closed := tap.Close(); err == nil && m.lost == nil {
		err = closed
	}
	if ctx.Err() != nil && !isOurs(err) {
		return nil // the program is to end, and the card is finished another time
	}
	return err
}

// card finds the order of the card, and continues it.
func (s *readerWorker) card(ctx context.Context, m *meter) error {
	cardSerial, err := Identify(ctx, m)
	if err != nil {
		return s.refuse(ctx, m, "", err.Error())
	}
	o, err := s.journal.orderOf(ctx, s.job, cardSerial)
	switch {
	case errors.Is(err, errNoOrder):
		return s.startOrder(ctx, m, cardSerial)
	case err != nil:
		return err
	case o.state == active:
		return s.refuse(ctx, m, cardSerial, fmt.Sprintf("it is %s for %s, which is active already",
			o.Device, o.Owner))
	}
	return s.issue(ctx, m, o)
}

// startOrder gives a card an order, if it may have one.
func (s *readerWorker) startOrder(ctx context.Context, m *meter, cardSerial CardSerial) error {
	rejected, err := s.reasonToReject(ctx, m, cardSerial)
	if err != nil {
		return err
	}
	if rejected != "" || m.lost != nil {
		return s.refuse(ctx, m, cardSerial, rejected)
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
		return s.refuse(ctx, m, cardSerial, err.Error())
	}
	o, err := s.journal.reserve(ctx, s.job, s.registry, cardSerial)
	if errors.Is(err, errNoneLeft) {
		s.notify(progress.Event{Kind: progress.NotTaken, Who: s.reader, Text: err.Error()})
		return nil
	}
	if err != nil {
		return hostFault(err)
	}
	return s.issue(ctx, m, o)
}

// reasonToReject returns why a card without an order cannot have one; empty means it can.
func (s *readerWorker) reasonToReject(
	ctx context.Context, m *meter, cardSerial CardSerial,
) (string, error) {
	report, err := preflight.Inspect(ctx, m,
		preflight.Options{Today: s.clock.Now(), Need: s.need, FinalVersion: s.line.FinalVersion})
	if err != nil {
		return err.Error(), nil
	}
	if obstacle := report.Obstacle(); obstacle != "" {
		return obstacle, nil
	}
	if report.AppletState() == 0 || s.line.DeleteApplet {
		return "", nil
	}
	device, reason, err := s.journal.rejectedAs(ctx, cardSerial)
	if err != nil {
		return "", fmt.Errorf("journal: %w", err)
	}
	if device != "" {
		return fmt.Sprintf("it was rejected as %s (%s), and what was installed is still on it: "+
			"clear it with --delete-applet, for good, or take another card", device, reason), nil
	}
	return "it carries an e-krona applet that was started elsewhere: finish it there, or take " +
		"another card", nil
}

// refuse turns away a card on which nothing was done.
func (s *readerWorker) refuse(
	ctx context.Context, m *meter, cardSerial CardSerial, reason string,
) error {
	switch {
	case ctx.Err() != nil:
		return nil
	case m.lost != nil:
		s.notify(progress.Event{Kind: progress.Pulled, Who: s.reader, Text: m.lost.Error()})
		return nil
	}
	if err := s.journal.refused(ctx, s.reader, cardSerial, reason); err != nil {
		return hostFault(err)
	}
	s.notify(progress.Event{Kind: progress.Refused, Who: s.reader, Text: reason})
	return nil
}

// issue continues an order on its card, to whatever end.
func (s *readerWorker) issue(ctx context.Context, m *meter, o order) error {
	began := s.clock.Now()
	m.take() // what came before is no step's
	v, err := s.journal.startSession(ctx, s.reader, o.cardSerial, &o, m)
	if err != nil {
		return hostFault(err)
	}
	blocks, err := o.secrets.digits.Secrets()
	if err != nil {
		return hostFault(err)
	}
	s.notify(progress.Event{Kind: progress.Taken, Who: s.reader, Device: string(o.Device),
		Owner: o.Owner, Stage: o.stage.Name()})
	_, err = s.line.Issue(ctx, m, o.Order, blocks, func(stage personalization.Stage) error {
		return hostFault(s.reached(ctx, v, &o, stage))
	})
	notice := progress.Event{Who: s.reader, Device: string(o.Device), Owner: o.Owner,
		Stage: o.stage.Name()}
	switch {
	case err == nil:
		notice.Kind, notice.Took = progress.Made, s.clock.Now().Sub(began)
	case isOurs(err) || ctx.Err() != nil:
		return err
	case m.lost != nil:
		notice.Kind, notice.Text = progress.Pulled, m.lost.Error()
		err = s.journal.withdrawn(ctx, v, notice.Text)
	default:
		notice.Text = err.Error()
		notice.Kind, err = s.afterRefusal(ctx, v, o, notice.Text)
	}
	if err != nil {
		return hostFault(err)
	}
	s.notify(notice)
	return nil
}

// reached keeps a stage. The PIN letter is there before the card can be active, and
// the secrets are gone when it is known to be.
func (s *readerWorker) reached(
	ctx context.Context, v *cardSession, o *order, stage personalization.Stage,
) error {
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

// afterRefusal decides about a card that refuses: rejected, or tried once more.
func (s *readerWorker) afterRefusal(
	ctx context.Context, v *cardSession, o order, reason string,
) (progress.Kind, error) {
	if o.stage > personalization.Inspected && o.failures+1 < mostFailures {
		return progress.Failed, s.journal.failed(ctx, v, o, reason)
	}
	// No card gets the place in the job before the registry knows that this one is out of use.
	s.journal.reserving.Lock()
	defer s.journal.reserving.Unlock()
	if err := s.journal.reject(ctx, v, o, reason); err != nil {
		return "", err
	}
	return progress.Rejected, s.clear(ctx)
}
