package card_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
)

var hello = card.AID("\xF0HELLO\x01")

// newHello is a virtual P71 with the example applet, selected.
func newHello() *card.Card {
	c, err := card.New(card.Options{Profile: card.P71, Random: card.SeededRandom("example")})
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.ReadFile("../examples/hello/hello.cap")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Load(file); err != nil {
		log.Fatal(err)
	}
	if _, err := c.Install(hello, hello, nil); err != nil {
		log.Fatal(err)
	}
	send(c, apdu.Command{INS: 0xA4, P1: 0x04, Data: hello})
	return c
}

func send(c *card.Card, command apdu.Command) apdu.Response {
	r, err := c.Transmit(context.Background(), command)
	if err != nil {
		log.Fatal(err)
	}
	return r
}

// A virtual card with any CAP file answers APDUs.
func Example() {
	c, err := card.New(card.Options{Profile: card.P71})
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.ReadFile("../examples/hello/hello.cap")
	if err != nil {
		log.Fatal(err)
	}
	loaded, err := c.Load(file)
	if err != nil {
		log.Fatal(err)
	}
	aid := loaded.Modules[0]
	if _, err := c.Install(aid, aid, nil); err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"00A4040007F048454C4C4F01", "8002000000"} {
		command, err := apdu.ParseCommandText(text)
		if err != nil {
			log.Fatal(err)
		}
		r, err := c.Transmit(context.Background(), command)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%04X %q\n", uint16(r.SW), r.Data)
	}
	// Output:
	// 9000 ""
	// 9000 "Hello, world"
}

// The power fails before each persistent write of a command: what is then on the card?
func ExampleCard_CutBefore() {
	rename := apdu.Command{CLA: 0x80, INS: 0x04, Data: []byte("Ada")}
	greet := apdu.Command{CLA: 0x80, INS: 0x02, Ne: 256}
	for n := 1; ; n++ {
		c := newHello()
		c.CutBefore(n)
		_, err := c.Transmit(context.Background(), rename)
		if err == nil {
			fmt.Printf("uncut: %s\n", send(c, greet).Data)
			return
		}
		if !errors.Is(err, card.ErrPowerLost) {
			log.Fatal(err)
		}
		c.Reset()
		send(c, apdu.Command{INS: 0xA4, P1: 0x04, Data: hello})
		fmt.Printf("before write %d: %s\n", n, send(c, greet).Data)
	}
	// Output:
	// before write 1: Hello, world
	// before write 2: Hello, world
	// before write 3: Hello, world
	// uncut: Hello, Ada
}

// A card is set back to how it was, whatever has happened since.
func ExampleCard_Snapshot() {
	c := newHello()
	before, err := c.Snapshot()
	if err != nil {
		log.Fatal(err)
	}
	greet := apdu.Command{CLA: 0x80, INS: 0x02, Ne: 256}
	count := apdu.Command{CLA: 0x80, INS: 0x06, Ne: 2}
	send(c, greet)
	fmt.Printf("%X\n", send(c, count).Data)
	if err := c.RestoreSnapshot(before); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%X\n", send(c, count).Data)
	// Output:
	// 0001
	// 0000
}

// What a command took on the virtual card, and how long a P71 takes for as much.
func ExampleEstimate() {
	c := newHello()
	send(c, apdu.Command{CLA: 0x80, INS: 0x04, Data: []byte("Ada")})
	account := c.LastCommand()
	cost, err := card.Estimate(account, card.Links()[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(account.Writes, "writes of", account.WrittenBytes, "bytes")
	fmt.Println("writes take", cost.Of(card.CostWrites))
	// Output:
	// 3 writes of 6 bytes
	// writes take 8.58ms
}
