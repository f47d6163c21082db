package script

import (
	"fmt"
	"strconv"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

// Standard are the commands that standards name, for cards of any application: of ISO/IEC 7816-4
// and -8, of GlobalPlatform's card managers, of EMV's payment applications. They stand behind
// those of an application's own vocabulary.
func Standard() []Command {
	le := apdu.MaxShortNe
	command := func(title string, c apdu.Command, fields ...Field) Command {
		return Command{Title: title, Command: c, Fields: fields}
	}
	var all []Command
	all = append(all,
		command("SELECT", apdu.Command{INS: 0xA4, P1: 0x04, Ne: le}, hexField("aid", "an AID"),
			choice("occurrence", setP2, "first", 0, "last", 1, "next", 2, "previous", 3)),
		command("SELECT FILE", apdu.Command{INS: 0xA4, P2: 0x0C}, hexField("id", "two bytes"),
			hexField("path", "file identifiers"),
			choice("by", setP1, "id", 0, "child", 1, "file", 2, "parent", 3, "name", 4, "path", 8,
				"relative", 9)),
		command("READ BINARY", apdu.Command{INS: 0xB0, Ne: le}, offset, shortFile, length),
		command("UPDATE BINARY", apdu.Command{INS: 0xD6}, offset, shortFile,
			hexField("bytes", "what is written")),
		command("READ RECORD", apdu.Command{INS: 0xB2, P1: 1, P2: 0x04, Ne: le}, record, recordFile,
			length),
		command("UPDATE RECORD", apdu.Command{INS: 0xDC, P1: 1, P2: 0x04}, record, recordFile,
			hexField("bytes", "what is written")),
		command("APPEND RECORD", apdu.Command{INS: 0xE2}, recordFile,
			hexField("bytes", "what is written")),
		command("GET DATA", apdu.Command{INS: 0xCA, Ne: le}, tagField),
		command("PUT DATA", apdu.Command{INS: 0xDA}, tagField, hexField("bytes", "the value")),
		command("GET CHALLENGE", apdu.Command{INS: 0x84, Ne: 8}, length),
		command("GET RESPONSE", apdu.Command{INS: apdu.InsGetResponse, Ne: le}, length),
		command("VERIFY", apdu.Command{INS: 0x20, P2: 0x80}, reference),
		command("CHANGE REFERENCE DATA", apdu.Command{INS: 0x24, P2: 0x80}, reference),
		command("RESET RETRY COUNTER", apdu.Command{INS: 0x2C, P2: 0x80}, reference),
		command("INTERNAL AUTHENTICATE", apdu.Command{INS: 0x88, Ne: le},
			hexField("challenge", "what the card signs")),
		command("GENERAL AUTHENTICATE", apdu.Command{INS: 0x86, Ne: le}, reference),
		command("MANAGE SECURITY ENVIRONMENT", apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA6}),
		command("PERFORM SECURITY OPERATION", apdu.Command{INS: 0x2A, P1: 0x9E, P2: 0x9A, Ne: le}),
		command("GENERATE ASYMMETRIC KEY PAIR", apdu.Command{INS: 0x46, Ne: le}),
		command("MANAGE CHANNEL", apdu.Command{INS: apdu.InsManageChannel, Ne: 1},
			choice("do", setP1, "open", 0, "close", 0x80),
			numberField("channel", 0, 19, "a channel, 0 to 19", setP2)))
	return append(append(all, managementCommands()...), paymentCommands()...)
}

// managementCommands are those of card managers.
func managementCommands() []Command {
	manager := func(title string, ins, p1, p2 byte, ne int, fields ...Field) Command {
		return Command{Title: title, Fields: fields, Command: apdu.Command{CLA: gpc.ClassPlain,
			INS: ins, P1: p1, P2: p2, Ne: ne}}
	}
	le := apdu.MaxShortNe
	everything := []byte{byte(gpc.TagAID), 0}
	search := Field{Name: "aid", Help: "an AID or its beginning, in hex",
		Set: func(c *apdu.Command, value string) error {
			aid, err := apdu.ParseHex(value)
			if err == nil {
				c.Data, err = tlv.Append(nil, gpc.TagAID, aid)
			}
			return err
		}}
	status := manager("GET STATUS", gpc.InsGetStatus, gpc.StatusApplications, gpc.StatusTLV, le,
		choice("of", setP1, "manager", gpc.StatusISD, "applications", gpc.StatusApplications,
			"files", gpc.StatusLoadFiles, "modules", gpc.StatusLoadFileModules),
		choice("part", setP2, "first", gpc.StatusTLV, "next", gpc.StatusTLV|gpc.StatusNext), search)
	status.Command.Data = everything
	return []Command{
		status,
		manager("INITIALIZE UPDATE", gpc.InsInitializeUpdate, 0, 0, le,
			byteField("key-set", "a key version, 00 for the first", setP1),
			hexField("challenge", "8 or 16 bytes")),
		manager("GET MANAGER DATA", gpc.InsGetData, 0, 0, le, tagField),
		manager("SET STATUS", gpc.InsSetStatus, gpc.StatusApplications, 0, 0,
			choice("of", setP1, "manager", gpc.StatusISD, "applications", gpc.StatusApplications),
			byteField("state", "a life cycle state", setP2), hexField("aid", "an AID")),
		manager("DELETE", gpc.InsDelete, 0, 0, le, objectField("aid", gpc.TagAID),
			choice("with", setP2, "related", gpc.DeleteRelated)),
		manager("STORE DATA", gpc.InsStoreData, gpc.LastBlock, 0, le,
			hexField("bytes", "what is stored")),
	}
}

// paymentCommands are those of payment applications (EMV 4.3 Book 3 §6.5).
func paymentCommands() []Command {
	le := apdu.MaxShortNe
	template := Field{Name: "pdol", Help: "the values that PDOL wants, in hex; nothing for none",
		Set: func(c *apdu.Command, value string) error {
			content, err := apdu.ParseHex(value)
			if err == nil {
				c.Data, err = tlv.Append(c.Data, 0x83, content)
			}
			return err
		}}
	return []Command{
		{Title: "GET PROCESSING OPTIONS", Command: apdu.Command{CLA: 0x80, INS: 0xA8, Ne: le},
			Fields: []Field{template}},
		{Title: "GENERATE AC", Command: apdu.Command{CLA: 0x80, INS: 0xAE, P1: 0x80, Ne: le},
			Fields: []Field{choice("kind", setP1, "aac", 0, "tc", 0x40, "arqc", 0x80),
				hexField("cdol", "the values that CDOL wants")}},
		{Title: "GET PAYMENT DATA", Command: apdu.Command{CLA: 0x80, INS: 0xCA, Ne: le},
			Fields: []Field{tagField}},
	}
}

// Fields that several commands have.
var (
	offset = numberField("offset", 0, 0x7FFF, "an offset, 0 to 32767",
		func(c *apdu.Command, n int) { c.P1, c.P2 = byte(n>>8), byte(n) })
	shortFile = numberField("sfi", 1, 30, "a short file identifier, 1 to 30",
		func(c *apdu.Command, n int) { c.P1 = 0x80 | byte(n) })
	recordFile = numberField("sfi", 1, 30, "a short file identifier, 1 to 30",
		func(c *apdu.Command, n int) { c.P2 = byte(n)<<3 | c.P2&0x07 })
	record    = numberField("record", 0, 254, "a record's number, from 1", setP1)
	length    = numberField("length", 0, apdu.MaxExtendedNe, "a number of bytes", setNe)
	reference = byteField("reference", "a reference of two hex digits", setP2)
	tagField  = Field{Name: "tag", Help: "a tag of one or two bytes in hex",
		Set: func(c *apdu.Command, value string) error {
			tag, err := apdu.ParseHex(value)
			if err == nil && (len(tag) == 0 || len(tag) > 2) {
				err = fmt.Errorf("%q has %d bytes", apdu.Brief(value), len(tag))
			}
			if err == nil {
				c.P1, c.P2 = 0, tag[len(tag)-1]
				if len(tag) > 1 {
					c.P1 = tag[0]
				}
			}
			return err
		}}
)

func setP1(c *apdu.Command, n int) { c.P1 = byte(n) }
func setP2(c *apdu.Command, n int) { c.P2 = byte(n) }
func setNe(c *apdu.Command, n int) { c.Ne = n }

// hexField is bytes of the data.
func hexField(name, help string) Field {
	return Field{Name: name, Help: help + ", in hex",
		Set: func(c *apdu.Command, value string) error {
			b, err := apdu.ParseHex(value)
			c.Data = append(c.Data, b...)
			return err
		}}
}

// objectField is a data object of the data.
func objectField(name string, tag tlv.Tag) Field {
	return Field{Name: name, Help: fmt.Sprintf("the value of %v, in hex", tag),
		Set: func(c *apdu.Command, value string) error {
			b, err := apdu.ParseHex(value)
			if err == nil {
				c.Data, err = tlv.Append(c.Data, tag, b)
			}
			return err
		}}
}

// numberField is a decimal number.
func numberField(name string, least, most int, help string, set func(*apdu.Command, int)) Field {
	return Field{Name: name, Help: help, Set: func(c *apdu.Command, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not its value", apdu.Brief(value))
		}
		set(c, n)
		return nil
	}}
}

// byteField is two hex digits.
func byteField(name, help string, set func(*apdu.Command, int)) Field {
	return Field{Name: name, Help: help, Set: func(c *apdu.Command, value string) error {
		b, err := parseByte(value)
		if err != nil {
			return fmt.Errorf("%q is not its value", apdu.Brief(value))
		}
		set(c, int(b))
		return nil
	}}
}

// choice is one of several words, each followed by what it stands for.
func choice(name string, set func(*apdu.Command, int), rows ...any) Field {
	help := ""
	meant := map[string]int{}
	for i := 0; i+1 < len(rows); i += 2 {
		word, _ := rows[i].(string)
		switch n := rows[i+1].(type) {
		case int:
			meant[word] = n
		case byte:
			meant[word] = int(n)
		}
		if help != "" {
			help += ", "
		}
		help += word
	}
	return Field{Name: name, Help: help, Set: func(c *apdu.Command, value string) error {
		n, known := meant[value]
		if !known {
			return fmt.Errorf("%q is not its value", apdu.Brief(value))
		}
		set(c, n)
		return nil
	}}
}
