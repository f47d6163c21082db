package apdu_test

import (
	"context"
	"fmt"

	"ekrona.example/apdu"
)

// echo is a card that answers with the data that it got.
var echo = apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response, error) {
	return apdu.Response{Data: c.Data, SW: apdu.OK}, nil
})

// A command has its fields by name, and the shortest form that carries them.
func ExampleCommand_Bytes() {
	for _, c := range []apdu.Command{
		{INS: 0xA4, P1: 0x04, Data: []byte{0xA0, 0x00}},
		{CLA: 0x80, INS: 0xCA, Ne: 256},
		{CLA: 0x80, INS: 0xCA, Ne: 65536},
	} {
		b, err := c.Bytes()
		fmt.Printf("%X %v\n", b, err)
	}
	// Output:
	// 00A4040002A000 <nil>
	// 80CA000000 <nil>
	// 80CA0000000000 <nil>
}

// A response that is not 9000 is an error, which errors.Is compares with status words.
func ExampleResponse_Err() {
	r, err := apdu.ParseResponse([]byte{0x69, 0x85})
	fmt.Println(err)
	fmt.Println(r.Err())
	// Output:
	// <nil>
	// card answered 6985 CONDITIONS_OF_USE: conditions of use not satisfied
}

// A card behind a recorder: its sink gets every exchange.
func ExampleRecorder() {
	card := apdu.Recorder{Card: echo, Sink: func(e apdu.Exchange) {
		fmt.Println(e.Command, "->", e.Response)
	}}
	_, err := card.Transmit(context.Background(), apdu.Command{CLA: 0x80, INS: 1, Data: []byte{7}})
	fmt.Println(err)
	// Output:
	// 800100000107 -> 079000
	// <nil>
}

// Data that are longer than a short APDU go out chained.
func ExampleFraming() {
	card := apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response, error) {
		fmt.Printf("CLA %02X with %d bytes\n", c.CLA, len(c.Data))
		return apdu.Response{SW: apdu.OK}, nil
	})
	long := apdu.Command{CLA: 0x80, INS: 1, Data: make([]byte, 300)}
	_, err := apdu.Framing{Card: card}.Transmit(context.Background(), long)
	fmt.Println(err)
	// Output:
	// CLA 90 with 255 bytes
	// CLA 80 with 45 bytes
	// <nil>
}
