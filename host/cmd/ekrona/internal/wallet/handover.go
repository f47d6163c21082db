package wallet

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/durable"
	"ekrona.example/host/envelope"
)

// handover is how a command hands a message to the other phone.
type handover struct {
	qr   bool
	text bool
	file string
}

func (h *handover) flags(c *cobra.Command) {
	c.Flags().BoolVar(&h.qr, "qr", false, "show it as a QR code, which leaves out what the other "+
		"phone has: the CA's certificate, and with a Receipt or Refusal the payee's too; the "+
		"terminal must be 89 columns wide")
	c.Flags().StringVar(&h.file, "out", "", "write it into this file, whole")
	cli.OutputFlags(c, "out")
	c.Flags().BoolVar(&h.text, "text", false,
		"print it as one line of text, whole, and nothing else")
	c.MarkFlagsMutuallyExclusive("text", "qr")
	c.MarkFlagsMutuallyExclusive("text", "json")
}

// handedMessage is a message for the other phone, for a script.
type handedMessage struct {
	Kind    envelope.Kind    `json:"kind"`
	Number  uint32           `json:"number"` // of the Request
	Payee   message.DeviceID `json:"payee"`
	Payer   message.DeviceID `json:"payer"` // empty where anybody may pay
	Amount  money.Ore        `json:"amount_ore"`
	Message string           `json:"message"` // hex
	Text    string           `json:"text"`    // the whole envelope
	QR      string           `json:"qr"`      // what the QR code says
	File    string           `json:"file,omitempty"`
	parties.Order
	parties.Words

	envelope envelope.Envelope
	code     envelope.QR
}

// handed returns a message about a Request.
func handed(e envelope.Envelope, about *message.Request, payer message.DeviceID) (
	handedMessage, error,
) {
	code, err := e.QR()
	if err != nil {
		return handedMessage{}, err
	}
	return handedMessage{Kind: e.Kind(), Number: about.Number, Payee: about.Payee, Payer: payer,
		Amount: about.Amount, Message: hex.EncodeToString(e.Message), Text: e.Text(),
		QR: code.Text, Words: toHand[e.Kind()].with(about.Amount),
		envelope: e, code: code}, nil
}

// String is the line for a person.
func (m handedMessage) String() string {
	switch m.Kind {
	case envelope.Payment:
		return fmt.Sprintf("Payment of Request %d: %s pays %s to %s", m.Number, m.Payer, m.Amount,
			m.Payee)
	case envelope.Receipt:
		return fmt.Sprintf("Receipt of Request %d: %s has got %s from %s", m.Number, m.Payee,
			m.Amount, m.Payer)
	case envelope.Refusal:
		return fmt.Sprintf("Request %d is refused", m.Number)
	case envelope.Request:
	}
	return fmt.Sprintf("Request %d: %s asks for %s", m.Number, m.Payee, m.Amount)
}

// takers are the commands that take a message.
var takers = map[envelope.Kind]string{
	envelope.Request: "ekrona wallet pay NAME --request",
	envelope.Payment: "ekrona wallet accept NAME --payment",
	envelope.Receipt: "ekrona wallet take NAME --receipt",
	envelope.Refusal: "ekrona wallet take NAME --receipt",
}

// give hands over a message in the ways that the flags ask for. again is the command that hands
// over the same message again.
func (h *handover) give(
	f *parties.Flags, c *cobra.Command, m handedMessage, again string,
) error {
	if h.file != "" {
		if err := m.write(h.file); err != nil {
			return fmt.Errorf("--out %s: %w; the %s is made, and %q gives it again", h.file, err,
				m.Kind, again)
		}
		m.File = h.file
	}
	if h.text {
		fmt.Fprintln(c.ErrOrStderr(), m)
		_, err := fmt.Fprintln(c.OutOrStdout(), m.Text)
		return err
	}
	f.CustomerReads(c, m.Words)
	text := m.String()
	switch {
	case h.qr:
		text = m.code.String() + text
	case h.file != "":
		text += ", in " + h.file
	default:
		text += fmt.Sprintf("; \"%s\" with --qr, --out FILE or --text hands it over", again)
	}
	return f.Answer(c, m, "%s", text)
}

// write writes the message into a file: a new one, or one that has the same message, perhaps with
// another crisis order beside it. No other file is written over.
func (m handedMessage) write(path string) error {
	content := []byte(m.Text + "\n")
	err := durable.Ensure(path, content, durable.Everyone)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, err := durable.Read(path)
	if err != nil {
		return err
	}
	held, err := envelope.ParseText(string(there))
	if err != nil || !bytes.Equal(held.Bytes(), m.envelope.Bytes()) {
		return errors.New("another file is there: name a new one")
	}
	return durable.Replace(path, content, durable.Everyone)
}

const messageUsage = ": a file, the text itself, or - for standard input"

// taken reads the message that a flag names, of one of the kinds.
func taken(c *cobra.Command, flag, value string, kinds ...envelope.Kind) (
	envelope.Envelope, error,
) {
	text, err := textOf(c, value)
	if err != nil {
		return envelope.Envelope{}, cli.Usage("%s: %w", flag, err)
	}
	e, err := envelope.ParseText(text)
	if err != nil {
		return envelope.Envelope{}, parties.Said(cli.Usage("%s: %w", flag, err), unreadable)
	}
	var wanted []string
	for _, kind := range kinds {
		if e.Kind() == kind {
			return e, nil
		}
		wanted = append(wanted, string(kind))
	}
	return envelope.Envelope{}, parties.Said(cli.Usage("%s: this is a %s, and a %s is expected: "+
		"%q takes it", flag, e.Kind(), strings.Join(wanted, " or "), takers[e.Kind()]), otherKind)
}

// textOf returns the text that a flag's value is, or names.
func textOf(c *cobra.Command, value string) (string, error) {
	if envelope.IsText(value) {
		return value, nil
	}
	in := c.InOrStdin()
	if value != "-" {
		file, err := os.Open(value)
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("no file %q: name a file, or give the text, which begins with %s",
				value, envelope.TextPrefix)
		}
		if err != nil {
			return "", err
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	read, err := io.ReadAll(io.LimitReader(in, 2*envelope.MaxTextLength))
	return string(read), err
}
