package globalplatform_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
)

// An applet is loaded and installed over a secure channel, on a virtual card or one in a reader.
func Example() {
	ctx := context.Background()
	blank, err := card.New(card.Options{Profile: card.P71})
	if err != nil {
		log.Fatal(err)
	}
	managed, err := emulated.New(blank, emulated.Options{})
	if err != nil {
		log.Fatal(err)
	}
	client, err := globalplatform.Open(ctx, managed, nil,
		scp03.Options{Keys: scp03.TestKeys(), Level: scp03.CMACEncryption})
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.ReadFile("../../emulator/examples/hello/hello.cap")
	if err != nil {
		log.Fatal(err)
	}
	parsed, err := cap.Parse(file)
	if err != nil {
		log.Fatal(err)
	}
	aid := []byte("\xF0HELLO\x01")
	if err := client.Load(ctx, aid[:6], parsed.LoadFile()); err != nil {
		log.Fatal(err)
	}
	instance := gpc.ForInstall{LoadFile: aid[:6], Module: aid, Instance: aid}
	if err := client.Install(ctx, instance); err != nil {
		log.Fatal(err)
	}
	for _, command := range []apdu.Command{
		{INS: 0xA4, P1: 0x04, Data: aid}, {CLA: 0x80, INS: 0x02, Ne: 256},
	} {
		r, err := managed.Transmit(ctx, command)
		fmt.Printf("%04X %q %v\n", uint16(r.SW), r.Data, err)
	}
	// Output:
	// 9000 "" <nil>
	// 9000 "Hello, world" <nil>
}
