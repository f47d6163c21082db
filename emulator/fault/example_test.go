package fault_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/fault"
)

// One instruction is passed over: each in turn, of a command that is refused without a fault.
func Example() {
	ctx := context.Background()
	c, err := card.New(card.Options{Profile: card.P71, Random: card.SeededRandom("example")})
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
	if _, err := c.Transmit(ctx, apdu.Command{INS: 0xA4, P1: 0x04, Data: aid}); err != nil {
		log.Fatal(err)
	}
	skip, err := fault.ModelNamed("skip")
	if err != nil {
		log.Fatal(err)
	}
	e, err := fault.NewExperiment(ctx, c, apdu.Command{CLA: 0x80, INS: 0x04}) // a name of no byte
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("without a fault:", e.Answer)
	for f := range e.Trace.Faults([]fault.Model{skip}) {
		if r, err := e.Try(ctx, f); err == nil && r.SW == apdu.OK {
			fmt.Println(f, r)
		}
	}
	// Output:
	// without a fault: 6700
	// skip#1 9000
	// skip#2 9000
	// skip#9 48656C6C6F2C20776F726C649000
	// skip#11 9000
}
