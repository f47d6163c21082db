package debugger_test

import (
	"fmt"
	"log"
	"os"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/debugger"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/lines"
)

// A command stops at a method, goes on by one line and back again.
func Example() {
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
	if _, err := c.Install(loaded.Modules[0], loaded.Modules[0], nil); err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile("../examples/hello/hello.cap.lines") // the CAP file has no names
	if err != nil {
		log.Fatal(err)
	}
	names, err := lines.Parse(text)
	if err != nil {
		log.Fatal(err)
	}
	d := debugger.New(c, c.Machine(), inspect.NewNames(names))
	if _, err := d.Start([]byte("\x00\xA4\x04\x00\x07\xF0HELLO\x01"), false); err != nil {
		log.Fatal(err)
	}
	if _, err := d.Add(debugger.Break{Kind: debugger.OnMethod, Where: "Hello.greet"}); err != nil {
		log.Fatal(err)
	}
	stop, err := d.Start([]byte{0x80, 0x02, 0, 0, 0}, false)
	fmt.Println(stop.Reason, stop.Where, err)
	stop, err = d.StepOver()
	fmt.Println(stop.Reason, stop.Where, err)
	stop, err = d.Back()
	fmt.Println(stop.Reason, stop.Where, err)
	stop, err = d.Resume()
	fmt.Printf("%v %q %v\n", stop.Reason, stop.Response, err)
	// Output:
	// breakpoint Hello.greet (Hello.java:57) <nil>
	// step Hello.greet (Hello.java:58) <nil>
	// breakpoint Hello.greet (Hello.java:57) <nil>
	// ended "Hello, world\x90\x00" <nil>
}
