package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"ekrona.example/apdu"
)

// GSMTAP, version 2 (libosmocore, gsmtap.h): a header of four words, then what a SIM got and
// gave: the header of the command, data of one direction or both, the status word.
const (
	tapPort    = 4729 // UDP
	tapVersion = 2
	tapWords   = 4
	tapHeader  = 4 * tapWords
	tapSIM     = 4
	tapAPDU    = 0 // sub types of tapSIM
	tapATR     = 1

	tapType    = 2 // indexes in the header
	tapSubType = 12
)

// commandComment says in a packet's comment how many of its bytes are the command, which
// GSMTAP does not.
const commandComment = "command bytes: "

// Comments that say which bytes were secret and are zeros, from 0 and up to the last, such as
// "5-8 13-13"; and why no answer came.
const (
	commandSecrets  = "secret bytes of the command: "
	responseSecrets = "secret bytes of the response: "
	noAnswer        = "no answer: "
)

// doneBefore is a comment with a [Word] that was done before what the packet carries.
const doneBefore = "done before: "

// maxPayload is the most that a packet carries: IPv4 without its header and UDP's.
const maxPayload = 65535 - 20 - 8 - tapHeader

// PCAP writes pcapng with GSMTAP over UDP, as SIMtrace sends it: each card is an interface.
type PCAP struct {
	out        *pcapgo.NgWriter
	interfaces map[string]int
	before     []string // comments for the next packet
}

// NewPCAP writes to out; each packet is written at once.
func NewPCAP(out io.Writer) (*PCAP, error) {
	ng, err := pcapgo.NewNgWriterInterface(out, pcapgo.NgInterface{Name: "card",
		LinkType: layers.LinkTypeRaw, SnapLength: 0, TimestampResolution: 9},
		pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "ekrona"}})
	if err != nil {
		return nil, err
	}
	return &PCAP{ng, map[string]int{"": 0}, nil}, ng.Flush()
}

// Exchange implements [Writer].
func (p *PCAP) Exchange(e Exchange) error {
	comments := []string{fmt.Sprint(commandComment, len(e.Command))}
	if len(e.Masked.Command) > 0 {
		comments = append(comments, commandSecrets+spansText(e.Masked.Command))
	}
	if len(e.Masked.Response) > 0 {
		comments = append(comments, responseSecrets+spansText(e.Masked.Response))
	}
	if e.Failed != "" {
		comments = append(comments, noAnswer+e.Failed)
	}
	return p.packet(e.Label, tapAPDU, append(bytes.Clone(e.Command), e.Response...),
		e.Began.Add(e.Took), comments...)
}

// Reset implements [Writer].
func (p *PCAP) Reset(label string, atr []byte, at time.Time) error {
	return p.packet(label, tapATR, atr, at)
}

// Word implements [Writer]: it becomes a comment of the next packet, since no packet is like it.
func (p *PCAP) Word(w Word) error {
	p.before = append(p.before, doneBefore+w.Line)
	return nil
}

func (p *PCAP) packet(
	label string, kind byte, payload []byte, at time.Time, comments ...string,
) error {
	if len(payload) > maxPayload {
		return fmt.Errorf("an exchange of %d bytes does not fit a packet; the most is %d: take "+
			"JSON lines", len(payload), maxPayload)
	}
	number, known := p.interfaces[label]
	if !known {
		var err error
		if number, err = p.out.AddInterface(pcapgo.NgInterface{Name: label,
			LinkType: layers.LinkTypeRaw, TimestampResolution: 9}); err != nil {
			return err
		}
		p.interfaces[label] = number
	}
	header := make([]byte, tapHeader, tapHeader+len(payload))
	header[0], header[1], header[tapType], header[tapSubType] = tapVersion, tapWords, tapSIM, kind
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP,
		SrcIP: net.IPv4(127, 0, 0, 1), DstIP: net.IPv4(127, 0, 0, 1)}
	udp := &layers.UDP{SrcPort: tapPort, DstPort: tapPort}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		return err
	}
	buffer := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buffer,
		gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, udp,
		gopacket.Payload(append(header, payload...))); err != nil {
		return err
	}
	packet := buffer.Bytes()
	comments, p.before = append(p.before, comments...), nil
	err := p.out.WritePacketWithOptions(gopacket.CaptureInfo{Timestamp: at,
		CaptureLength: len(packet), Length: len(packet), InterfaceIndex: number}, packet,
		pcapgo.NgPacketOptions{Comments: comments})
	return errors.Join(err, p.out.Flush())
}

// source is what both formats of pcap are read with.
type source interface {
	next() (data []byte, at time.Time, label string, comments []string, err error)
	link() layers.LinkType
}

type ngSource struct{ reader *pcapgo.NgReader }

func (s ngSource) next() ([]byte, time.Time, string, []string, error) {
	data, info, options, err := s.reader.ReadPacketDataWithOptions()
	label := ""
	if err == nil && info.InterfaceIndex > 0 {
		if i, err := s.reader.Interface(info.InterfaceIndex); err == nil {
			label = i.Name
		}
	}
	return data, info.Timestamp, label, options.Comments, err
}
func (s ngSource) link() layers.LinkType { return s.reader.LinkType() }

type classicSource struct{ reader *pcapgo.Reader }

func (s classicSource) next() ([]byte, time.Time, string, []string, error) {
	data, info, err := s.reader.ReadPacketData()
	return data, info.Timestamp, "", nil, err
}
func (s classicSource) link() layers.LinkType { return s.reader.LinkType() }

// packets gives the exchanges of a pcap file, which begins with its magic number.
func packets(in io.Reader, isNg bool, to Events) error {
	var s source
	if isNg {
		reader, err := pcapgo.NewNgReader(in, pcapgo.NgReaderOptions{WantMixedLinkType: false})
		if err != nil {
			return err
		}
		s = ngSource{reader}
	} else {
		reader, err := pcapgo.NewReader(in)
		if err != nil {
			return err
		}
		s = classicSource{reader}
	}
	for number := 1; ; number++ {
		data, at, label, comments, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("packet %d: %w", number, err)
		}
		payload, kind := tapped(data, s.link())
		if err := to.before(comments, label, at); err != nil {
			return err
		}
		switch {
		case len(payload) == 0:
			continue
		case kind == tapATR:
			err = to.Reset(Reset{label, payload, at})
		default:
			command, response := split(payload, commandLength(comments))
			e := Exchange{Label: label, Began: at, Command: command, Response: response}
			e.remark(comments)
			err = to.Exchange(e)
		}
		if err != nil {
			return err
		}
	}
}

// before gives what the comments of a packet say was done before it.
func (to Events) before(comments []string, label string, at time.Time) error {
	for _, c := range comments {
		if text, is := strings.CutPrefix(c, doneBefore); is {
			if err := to.Word(Word{label, apdu.OneLine(text), at}); err != nil {
				return err
			}
		}
	}
	return nil
}

// tapped is what a SIM got and gave, or its answer to a reset, by a packet with GSMTAP; nil for
// another packet.
func tapped(packet []byte, link layers.LinkType) (payload []byte, kind byte) {
	first := gopacket.LayerType(link.LayerType())
	if link == layers.LinkTypeRaw || link == layers.LinkTypeIPv4 {
		first = layers.LayerTypeIPv4
	}
	decoded := gopacket.NewPacket(packet, first, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	udp, is := decoded.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if !is || udp.DstPort != tapPort && udp.SrcPort != tapPort {
		return nil, 0
	}
	b := udp.Payload
	if len(b) < tapHeader || b[0] != tapVersion || b[tapType] != tapSIM ||
		b[tapSubType] != tapAPDU && b[tapSubType] != tapATR {
		return nil, 0
	}
	if size := 4 * int(b[1]); size >= tapHeader && size <= len(b) {
		return bytes.Clone(b[size:]), b[tapSubType]
	}
	return nil, 0
}

// remark takes what the comments of a packet say of its exchange.
func (e *Exchange) remark(comments []string) {
	for _, c := range comments {
		if text, is := strings.CutPrefix(c, commandSecrets); is {
			e.Masked.Command = spansIn(text, len(e.Command))
		}
		if text, is := strings.CutPrefix(c, responseSecrets); is {
			e.Masked.Response = spansIn(text, len(e.Response))
		}
		if text, is := strings.CutPrefix(c, noAnswer); is && len(e.Response) == 0 {
			e.Failed = text
		}
	}
}

// spansText is spans for a comment.
func spansText(spans []apdu.Span) string {
	var parts []string
	for _, s := range spans {
		parts = append(parts, fmt.Sprintf("%d-%d", s.From, s.To-1))
	}
	return strings.Join(parts, " ")
}

// spansIn reads what spansText wrote, of so many bytes.
func spansIn(text string, size int) (spans []apdu.Span) {
	for _, part := range strings.Fields(text) {
		var s apdu.Span
		if n, err := fmt.Sscanf(part, "%d-%d", &s.From, &s.To); err == nil && n == 2 &&
			s.From >= 0 && s.From <= s.To && s.To < size {
			s.To++
			spans = append(spans, s)
		}
	}
	return spans
}

// commandLength reads how long a packet's command is; -1 if no comment says so.
func commandLength(comments []string) int {
	for _, c := range comments {
		if text, is := strings.CutPrefix(c, commandComment); is {
			if n, err := strconv.Atoi(text); err == nil && n >= 0 {
				return n
			}
		}
	}
	return -1
}
