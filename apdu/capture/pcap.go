package capture

import (
	"bytes"
	"encoding/binary"
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

// An answer to reset is exported to Wireshark's dissector of ISO/IEC 7816-3 by its name: GSMTAP has
// a sub type for it (tapATR, which is read), but Wireshark takes all of tapSIM for commands.
const (
	linkExported   = 252 // LINKTYPE_WIRESHARK_UPPER_PDU
	exportName     = 12  // tags (Wireshark, exported_pdu_tlvs.h): the dissector's name,
	exportProtocol = 33  // and what its column of protocols shows
	exportTag      = 4   // bytes of tag and length
	dissectorATR   = "iso7816.atr"
	protocolATR    = "ISO 7816-3"
)

// exported is an answer to reset behind the tags of an exported PDU; the last has no length.
func exported(atr []byte) (packet []byte) {
	for _, o := range []struct {
		tag   byte
		value string
	}{{exportName, dissectorATR}, {exportProtocol, protocolATR}, {}} {
		value := []byte(o.value)
		for len(value)%exportTag != 0 {
			value = append(value, 0)
		}
		packet = append(append(packet, 0, o.tag, 0, byte(len(value))), value...)
	}
	return append(packet, atr...)
}

// exportedATR is the answer to reset of an exported PDU; nil of another.
func exportedATR(packet []byte) []byte {
	isATR := false
	for len(packet) >= exportTag {
		tag, size := binary.BigEndian.Uint16(packet), int(binary.BigEndian.Uint16(packet[2:]))
		packet = packet[exportTag:]
		switch {
		case size > len(packet):
			return nil
		case tag == 0 && isATR:
			return bytes.Clone(packet[size:])
		case tag == 0:
			return nil
		}
		isATR = isATR || tag == exportName &&
			string(bytes.TrimRight(packet[:size], "\x00")) == dissectorATR
		packet = packet[size:]
	}
	return nil
}

// PCAP writes pcapng with GSMTAP over UDP, as SIMtrace sends it: each card is an interface, and
// another for its answers to reset.
type PCAP struct {
	out        *pcapgo.NgWriter
	interfaces map[port]int
	before     []string // comments for the next packet
}

// port is an interface of a capture.
type port struct {
	label string
	link  layers.LinkType
}

// NewPCAP writes to out; each packet is written at once.
func NewPCAP(out io.Writer) (*PCAP, error) {
	ng, err := pcapgo.NewNgWriterInterface(out, pcapgo.NgInterface{Name: "card",
		LinkType: layers.LinkTypeRaw, SnapLength: 0, TimestampResolution: 9},
		pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "ekrona"}})
	if err != nil {
		return nil, err
	}
	return &PCAP{ng, map[port]int{{"", layers.LinkTypeRaw}: 0}, nil}, ng.Flush()
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
	return p.tapped(e.Label, tapAPDU, append(bytes.Clone(e.Command), e.Response...),
		e.Began.Add(e.Took), comments...)
}

// Reset implements [Writer].
func (p *PCAP) Reset(label string, atr []byte, at time.Time) error {
	return p.packet(port{label, linkExported}, exported(atr), at)
}

// Word implements [Writer]: it becomes a comment of the next packet, since no packet is like it.
func (p *PCAP) Word(w Word) error {
	p.before = append(p.before, doneBefore+w.Line)
	return nil
}

// tapped writes what a card got and gave behind a header of GSMTAP.
func (p *PCAP) tapped(
	label string, kind byte, payload []byte, at time.Time, comments ...string,
) error {
	if len(payload) > maxPayload {
		return fmt.Errorf("an exchange of %d bytes does not fit a packet; the most is %d: take "+
			"JSON lines", len(payload), maxPayload)
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
	return p.packet(port{label, layers.LinkTypeRaw}, buffer.Bytes(), at, comments...)
}

// packet writes a packet to its interface, which is made for the first.
func (p *PCAP) packet(to port, packet []byte, at time.Time, comments ...string) error {
	number, known := p.interfaces[to]
	if !known {
		var err error
		if number, err = p.out.AddInterface(pcapgo.NgInterface{Name: to.label, LinkType: to.link,
			TimestampResolution: 9}); err != nil {
			return err
		}
		p.interfaces[to] = number
	}
	comments, p.before = append(p.before, comments...), nil
	err := p.out.WritePacketWithOptions(gopacket.CaptureInfo{Timestamp: at,
		CaptureLength: len(packet), Length: len(packet), InterfaceIndex: number}, packet,
		pcapgo.NgPacketOptions{Comments: comments})
	return errors.Join(err, p.out.Flush())
}

// source is what both formats of pcap are read with.
type source interface {
	next() (tap, error)
}

// tap is a packet of a file.
type tap struct {
	data     []byte
	link     layers.LinkType
	at       time.Time
	label    string
	comments []string
}

type ngSource struct{ reader *pcapgo.NgReader }

func (s ngSource) next() (tap, error) {
	data, info, options, err := s.reader.ReadPacketDataWithOptions()
	t := tap{data: data, at: info.Timestamp, comments: options.Comments}
	if err != nil {
		return t, err
	}
	i, err := s.reader.Interface(info.InterfaceIndex)
	if err == nil {
		t.link = i.LinkType
	}
	if err == nil && info.InterfaceIndex > 0 {
		t.label = i.Name
	}
	return t, nil
}

type classicSource struct{ reader *pcapgo.Reader }

func (s classicSource) next() (tap, error) {
	data, info, err := s.reader.ReadPacketData()
	return tap{data: data, at: info.Timestamp, link: s.reader.LinkType()}, err
}

// packets gives the exchanges of a pcap file, which begins with its magic number.
func packets(in io.Reader, isNg bool, to Events) error {
	var s source
	if isNg {
		reader, err := pcapgo.NewNgReader(in, pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			return fmt.Errorf("its beginning: %w", cutShort(err))
		}
		s = ngSource{reader}
	} else {
		reader, err := pcapgo.NewReader(in)
		if err != nil {
			return fmt.Errorf("its beginning: %w", cutShort(err))
		}
		s = classicSource{reader}
	}
	for number := 1; ; number++ {
		t, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("packet %d: %w", number, cutShort(err))
		}
		payload, kind := tapped(t.data, t.link)
		if err := to.before(t.comments, t.label, t.at); err != nil {
			return err
		}
		switch {
		case len(payload) == 0:
			continue
		case kind == tapATR:
			err = to.Reset(Reset{t.label, payload, t.at})
		default:
			command, response := split(payload, commandLength(t.comments))
			e := Exchange{Label: t.label, Began: t.at, Command: command, Response: response}
			e.remark(t.comments)
			err = to.Exchange(e)
		}
		if err != nil {
			return err
		}
	}
}

// cutShort says what it means that a file ends where more is announced.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the file is not whole, or no capture: what is before that was "+
			"read; copy it again, or write it anew", io.ErrUnexpectedEOF)
	}
	return err
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
	if link == linkExported {
		return exportedATR(packet), tapATR
	}
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
