package inspect_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/lines"
)

// What a command changed in memory, and which line did.
func ExampleRecorder() {
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
	text, err := os.ReadFile("../examples/hello/hello.cap.lines")
	if err != nil {
		log.Fatal(err)
	}
	names, err := lines.Parse(text)
	if err != nil {
		log.Fatal(err)
	}
	recorder := inspect.NewRecorder(inspect.NewNames(names))
	recorder.Attach(c.Machine())
	if err := c.Machine().SetProbe(recorder.Probe()); err != nil {
		log.Fatal(err)
	}
	for _, command := range []apdu.Command{
		{INS: 0xA4, P1: 0x04, Data: aid}, {CLA: 0x80, INS: 0x04, Data: []byte("Ada")},
	} {
		recorder.Begin()
		if _, err := c.Transmit(context.Background(), command); err != nil {
			log.Fatal(err)
		}
	}
	changes, _ := recorder.End()
	for _, change := range changes {
		fmt.Println(change.Name(), change.Old, "->", change.New, change.Where)
	}
	// Output:
	// Hello.nameLength 5 -> 3 [Hello.setName (Hello.java:68)]
	// Hello.name[0..2] 776F72 -> 416461 [Util.arrayCopy, called by Hello.setName (Hello.java:67)]
}
