package apdu

import (
	"bytes"
	"context"
	"fmt"
)

// maxCollected bounds what [Framing] gathers over GET RESPONSE, so that a card
// that always says "more" cannot keep a caller for ever.
const maxCollected = MaxExtendedNe

// maxRounds bounds how many GET RESPONSE commands fetch one answer, for a card that brings a byte
// at a time: the longest answer, in pieces of 16 bytes.
const maxRounds = maxCollected / 16

// maxReissues bounds how often one command is issued again after 6Cxx.
const maxReissues = 1

// Framing gives whole messages over a card's short APDUs. A command whose data is longer than 255
// bytes goes out as a chain (ISO/IEC 7816-4:2013 §5.3.3), or is refused if its class has no mark
// for the parts of one. An answer of 61xx is collected by GET RESPONSE (§5.3.4), and 6Cxx issues
// the command again with the Le that the card names. With ExtendedLength set, a command that fits
// one extended APDU is sent as it is.
type Framing struct {
	Card Card
	// ExtendedLength reports that card and reader both carry extended APDUs.
	ExtendedLength bool
}

// Transmit sends c, in as many APDUs as it takes, and returns the one response.
func (f Framing) Transmit(ctx context.Context, c Command) (Response, error) {
	if len(c.Data) > MaxExtendedData {
		return Response{}, fmt.Errorf(
			"apdu: %d data bytes do not fit in a command; the limit is %d", len(c.Data),
			MaxExtendedData)
	}
	if !f.ExtendedLength {
		c.Extended = false
		c.Ne = min(c.Ne, MaxShortNe)
		for len(c.Data) > MaxShortData {
			part, ok := c.AsPart()
			if !ok {
				return Response{}, fmt.Errorf("apdu: a command of class %02X cannot be sent in "+
					"parts, since its class has no mark for them (ISO/IEC 7816-4:2013 §5.4.1), "+
					"and its %d bytes fit no short one: send it with extended length, or in "+
					"another class", c.CLA, len(c.Data))
			}
			part.Data, part.Ne = c.Data[:MaxShortData], 0
			r, err := f.Card.Transmit(ctx, part)
			if err == nil {
				err = CheckPart(r)
			}
			if err != nil || r.SW != OK {
				return r, err
			}
			c.Data = c.Data[MaxShortData:]
		}
	}
	r, err := f.reissue(ctx, c)
	if err != nil || !r.SW.hasMore() {
		return r, err
	}
	return f.collect(ctx, c, r)
}

// CheckPart refuses an answer to a part of a chain that brings or announces data before the
// card has the whole command (ISO/IEC 7816-4:2013 §5.3.3): card and caller do not mean the
// same command.
func CheckPart(r Response) error {
	if !r.SW.hasMore() && (r.SW != OK || len(r.Data) == 0) {
		return nil
	}
	return fmt.Errorf(
		"apdu: card answers %v with %d bytes to a part of a command that is not the last; "+
			"reset it and send the command again", r.SW, len(r.Data))
}

// reissue sends c, and once more when the card answers 6Cxx.
func (f Framing) reissue(ctx context.Context, c Command) (Response, error) {
	for attempt := 0; ; attempt++ {
		r, err := f.Card.Transmit(ctx, c)
		if err != nil || !r.SW.isWrongLe() || attempt == maxReissues {
			return r, err
		}
		c.Ne = unzero(int(r.SW&0xFF), MaxShortNe)
	}
}

// ClassOfChannel is the interindustry class of a logical channel, without secure messaging and
// chaining (ISO/IEC 7816-4:2013 §5.4.1): first interindustry classes have channels 0 to 3, further
// ones 4 to 19.
func ClassOfChannel(channel int) byte {
	if channel <= classChannel {
		return byte(channel)
	}
	return 0x40 | byte(channel-classChannel-1)
}

// collect appends to the first part r what GET RESPONSE brings.
func (f Framing) collect(ctx context.Context, c Command, r Response) (Response, error) {
	data := bytes.Clone(r.Data) // the card may use its buffer again
	for round := 1; r.SW.hasMore(); round++ {
		if round > maxRounds {
			return Response{}, fmt.Errorf(
				"apdu: card brings %d bytes in %d answers to GET RESPONSE and has more; "+
					"%d are the most for one command", len(data), maxRounds, maxRounds)
		}
		next := Command{CLA: ClassOfChannel(ChannelOf(c.CLA)), INS: InsGetResponse}
		next.Ne = unzero(int(r.SW&0xFF), MaxShortNe)
		var err error
		if r, err = f.reissue(ctx, next); err != nil {
			return Response{}, err
		}
		if len(r.Data) == 0 && r.SW.hasMore() {
			return Response{}, fmt.Errorf(
				"apdu: card announces %d more bytes (%v) and GET RESPONSE brings none",
				unzero(int(r.SW&0xFF), MaxShortNe), r.SW)
		}
		if data = append(data, r.Data...); len(data) > maxCollected {
			return Response{}, fmt.Errorf(
				"apdu: card sends more than %d bytes in answer to one command", maxCollected)
		}
	}
	r.Data = data
	return r, nil
}
