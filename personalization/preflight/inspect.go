package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/atr"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/symptom"
	"ekrona.example/apdu/tlv"
	"ekrona.example/applet/client"
)

// Options are the settings of Inspect.
type Options struct {
	ATR          []byte    // as the reader gave it; nil if unknown
	Today        time.Time // dates in production data have no decade
	Need         Need      // what the e-krona applet takes; the zero value if it is not meant
	FinalVersion byte      // of the key sets that this program puts onto cards
	// Ask has INITIALIZE UPDATE sent, which names the key set that the card would use. It
	// costs no try.
	Ask    bool
	Random io.Reader // for Ask
}

// forApplet reports whether the question is if the card can take the e-krona applet.
func (o Options) forApplet() bool { return o.Need.Platform != "" }

// Report is what a card reports of itself without keys, and what that means. What it did
// not report is nil.
type Report struct {
	ATR             gpc.Hex          `json:"atr"`
	Domain          *Domain          `json:"card_manager"`
	CPLC            gpc.Hex          `json:"cplc"`
	Production      *Production      `json:"production"`
	Data            *gpc.CardData    `json:"card_data"`
	Capability      *gpc.Capability  `json:"capabilities"`
	Keys            []gpc.KeyInfo    `json:"keys"`
	Diversification gpc.Hex          `json:"key_diversification"`
	Resources       *gpc.Resources   `json:"free"`
	Platform        *gpc.NXPIdentity `json:"platform"`
	Offer           *Offer           `json:"initialize_update"`
	Applet          *Applet          `json:"applet"`
	NotReported     Unreported       `json:"not_reported"`
	// Known are the causes that others report of answers such as the card's.
	Known    []symptom.Symptom `json:"known,omitempty"`
	Findings []Finding         `json:"findings"`
	Able     bool              `json:"can_take_the_applet"`

	reset    *atr.ATR
	notBegun bool // INITIALIZE UPDATE was refused whatever the keys
}

// Domain is the card manager as it shows itself.
type Domain struct {
	AID     gpc.Hex `json:"aid"`
	MaxData int     `json:"max_data"`
	Locked  bool    `json:"locked"`
}

// Production is the content of the production data.
type Production struct {
	Product    string `json:"product"` // empty if the numbers are unknown
	Fabricator string `json:"fabricator"`
	Chip       string `json:"chip"`
	System     string `json:"operating_system"`
	Made       string `json:"made"` // date; empty if it is not reported
	Serial     string `json:"serial"`
	Batch      string `json:"batch"`
}

// Offer is the answer to INITIALIZE UPDATE.
type Offer struct {
	KeyVersion byte              `json:"key_version"`
	Channel    gpc.SecureChannel `json:"channel"`
}

// Applet is the e-krona applet as it shows itself; State is empty if it is not there.
type Applet struct {
	State   string `json:"life_cycle"`
	Version string `json:"spec_version"`

	lifeCycle spec.LifeCycle
}

// Inspect asks the card for all that it reports without a key. Errors are those of the link
// only: whatever the card answers is in the report.
func Inspect(ctx context.Context, c apdu.Card, o Options) (*Report, error) {
	i := &inspection{report: &Report{ATR: o.ATR, NotReported: Unreported{}}}
	i.card = apdu.Recorder{Card: c, Sink: i.recognise}
	c = i.card
	i.look("ATR", func() (err error) {
		if o.ATR != nil {
			i.report.reset, err = atr.Parse(o.ATR)
		}
		return err
	})
	i.look("card manager", func() error {
		domain, err := globalplatform.Select(ctx, c, nil)
		if err == nil {
			i.report.Domain = &Domain{domain.AID, domain.MaxData, domain.Locked}
		}
		return err
	})
	if i.report.Domain != nil {
		i.data(ctx, o)
	}
	if o.Ask && i.report.Domain != nil {
		i.look("INITIALIZE UPDATE", func() error {
			offer, err := scp03.Ask(ctx, c, o.Random)
			i.report.notBegun = errors.Is(err, scp03.ErrNotBegun)
			if err == nil {
				i.report.Offer = &Offer{offer.KeyVersion,
					gpc.SecureChannel{Protocol: scp03.Protocol, I: offer.Parameter}}
			}
			return err
		})
	}
	if !o.forApplet() {
		if i.lost != nil {
			return nil, i.lost
		}
		i.report.judge(o)
		return i.report, nil
	}
	i.look(AppletSubject, func() error {
		application, err := client.New(c).Select(ctx)
		if errors.Is(err, apdu.SWFileNotFound) {
			i.report.Applet = &Applet{}
			return nil
		}
		if err == nil {
			i.report.Applet = &Applet{
				application.LifeCycle.String(),
				fmt.Sprintf("%d.%d", application.SpecVersion>>8, application.SpecVersion&0xFF),
				application.LifeCycle,
			}
		}
		return err
	})
	if i.lost != nil {
		return nil, i.lost
	}
	i.report.judge(o)
	return i.report, nil
}

// produced reads the production data.
func (r *Report) produced(today time.Time) error {
	c, err := gpc.ParseCPLC(r.CPLC)
	if err != nil {
		return err
	}
	r.Production = &Production{
		Product: c.Product(), Fabricator: fmt.Sprintf("%04X", c.Fabricator),
		Chip:   fmt.Sprintf("%04X", c.ICType),
		System: fmt.Sprintf("%04X", c.OperatingSystem), Serial: fmt.Sprintf("%08X", c.Serial),
		Batch: fmt.Sprintf("%04X", c.Batch),
	}
	if made, told := c.FabricationDate.In(today); told {
		r.Production.Made = made.Format(time.DateOnly)
	}
	return nil
}

// inspection is a running Inspect.
type inspection struct {
	card   apdu.Card
	report *Report
	lost   error // the link
}

// recognise keeps what others report of an answer, once.
func (i *inspection) recognise(e apdu.Exchange) {
	for _, known := range symptom.Of(e.Command, e.Response, e.Err) {
		if !slices.ContainsFunc(i.report.Known,
			func(s symptom.Symptom) bool { return s.ID == known.ID }) {
			i.report.Known = append(i.report.Known, known)
		}
	}
}

// look asks for one thing, and notes why it did not come. After the link is lost
// nothing more is asked.
func (i *inspection) look(what string, ask func() error) {
	if i.lost != nil {
		return
	}
	err := ask()
	var sw apdu.StatusWord
	switch {
	case err == nil:
	case errors.As(err, &sw):
		i.report.NotReported[what] = fmt.Sprintf("%04X", uint16(sw))
	case errors.Is(err, gpc.ErrMalformed) || errors.Is(err, atr.ErrMalformed) ||
		errors.Is(err, client.ErrAnswer) || errors.Is(err, client.ErrVersion) ||
		errors.Is(err, scp03.ErrOtherProtocol):
		i.report.NotReported[what] = err.Error()
	default:
		i.lost = &client.LinkLost{Command: "its inspection", Err: client.Cause(err)}
	}
}

// data asks the card manager for its data objects.
func (i *inspection) data(ctx context.Context, o Options) {
	read := func(what string, t tlv.Tag, parse func(b []byte) error) {
		i.look(what, func() error {
			b, err := globalplatform.GetData(ctx, i.card, t)
			if err != nil {
				return err
			}
			return parse(b)
		})
	}
	r := i.report
	read("production data", gpc.TagCPLC, func(b []byte) (err error) {
		if r.CPLC, err = gpc.Value(b, gpc.TagCPLC); err == nil {
			err = r.produced(o.Today)
		}
		return err
	})
	read("card data", gpc.TagCardData,
		func(b []byte) (err error) { r.Data, err = gpc.ParseCardData(b); return err })
	read("capabilities", gpc.TagCapability,
		func(b []byte) (err error) { r.Capability, err = gpc.ParseCapability(b); return err })
	read("keys", gpc.TagKeyTemplate,
		func(b []byte) (err error) { r.Keys, err = gpc.ParseKeyTemplate(b); return err })
	read("key diversification", gpc.TagDiversification, func(b []byte) (err error) {
		r.Diversification, err = gpc.Value(b, gpc.TagDiversification)
		return err
	})
	read("free memory", gpc.TagResources,
		func(b []byte) (err error) { r.Resources, err = gpc.ParseResources(b); return err })
	i.look("platform", func() (err error) {
		r.Platform,
			err = globalplatform.Identify(ctx, i.card)
		return err
	})
}

// Unreported is what was asked for in vain, and why.
type Unreported map[string]string

// MarshalJSON is a list, in the order of the names.
func (u Unreported) MarshalJSON() ([]byte, error) {
	type row struct {
		What string `json:"what"`
		Why  string `json:"why"`
	}
	rows := []row{}
	for _, what := range slices.Sorted(maps.Keys(u)) {
		rows = append(rows, row{what, u[what]})
	}
	return json.Marshal(rows)
}

// AppletState is the life cycle of the e-krona applet, 0 if it is not on the card.
func (r *Report) AppletState() spec.LifeCycle {
	if r.Applet == nil {
		return 0
	}
	return r.Applet.lifeCycle
}
