package batch

import (
	"context"
	"time"

	"ekrona.example/host/store"
	"ekrona.example/personalization"
)

// cardSession is one stay of a card in a reader.
type cardSession struct {
	number     int64
	reader     string
	cardSerial CardSerial
	last       time.Time // when its last step ended
	meter      *meter
}

// startSession starts a stay. Until its end it counts as cut.
func (j *journal) startSession(
	ctx context.Context, reader string, cardSerial CardSerial, o *order, m *meter,
) (*cardSession, error) {
	v := &cardSession{reader: reader, cardSerial: cardSerial, last: j.clock.Now(), meter: m}
	var device any
	if o != nil {
		device = string(o.Device)
	}
	return v, j.write(ctx, func(w *writing) error {
		return store.Must(w.ctx, w.tx, store.Into{&v.number}, `INSERT INTO session (reader,
			card_serial, device, began, outcome)
			VALUES ($1, $2, $3, $4, 'cut') RETURNING
			number`, reader, string(cardSerial), device, v.last.UnixNano())
	})
}

// step keeps a stage that is true on the card now.
func (j *journal) step(
	ctx context.Context, v *cardSession, o *order, stage personalization.Stage,
) error {
	took := v.took(j)
	if err := j.write(ctx,
		func(w *writing) error { return v.step(w, *o, stage, took) }); err != nil {
		return err
	}
	o.stage = max(o.stage, stage)
	return nil
}

// span is when a step began and ended, and how long of that card and reader were at work.
type span struct {
	began, ended time.Time
	card         time.Duration
}

// took is the span since the step before.
func (v *cardSession) took(j *journal) span {
	s := span{v.last, j.clock.Now(), v.meter.take()}
	v.last = s.ended
	return s
}

// step keeps a stage in a transaction. An order's stage never goes back: what is found
// true again was true.
func (v *cardSession) step(w *writing, o order, stage personalization.Stage, took span) error {
	if stage > o.stage {
		if err := w.exec(`UPDATE card_order SET stage = $1 WHERE device = $2`, stage.String(),
			string(o.Device)); err != nil {
			return err
		}
	}
	return w.exec(`INSERT INTO step (session, stage, began, ended, card) VALUES ($1, $2, $3, $4,
		$5)`,
		v.number, stage.String(), took.began.UnixNano(), took.ended.UnixNano(), int64(took.card))
}

// end records how a stay ended.
func (v *cardSession) end(w *writing, outcome, reason string) error {
	return w.exec(`UPDATE session SET ended = $1, outcome = $2, reason = $3 WHERE number = $4`,
		w.j.now(), outcome, reason, v.number)
}

// withdrawn ends a stay in which the card was taken out.
func (j *journal) withdrawn(ctx context.Context, v *cardSession, reason string) error {
	return j.write(ctx, func(w *writing) error { return v.end(w, "withdrawn", reason) })
}

// failed ends a stay in which the card refused, and counts that.
func (j *journal) failed(ctx context.Context, v *cardSession, o order, reason string) error {
	return j.write(ctx, func(w *writing) error {
		if err := w.exec(`UPDATE card_order SET failures = failures + 1 WHERE device = $1`,
			string(o.Device)); err != nil {
			return err
		}
		return v.end(w, "failed", reason)
	})
}

// refused records that a card was turned away, on which nothing was done.
func (j *journal) refused(
	ctx context.Context, reader string, cardSerial CardSerial, reason string,
) error {
	return j.write(ctx, func(w *writing) error {
		now := j.now()
		if err := w.exec(`INSERT INTO session (reader, card_serial, began, ended, outcome, reason)
			VALUES ($1, $2, $3, $4, 'refused', $5)`,
			reader, string(cardSerial), now, now, reason); err != nil {
			return err
		}
		return w.log("refused",
			map[string]string{"reader": reader, "card_serial": string(cardSerial),
				"reason": reason})
	})
}
