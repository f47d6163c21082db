// Package api is the Java Card API 3.0.5 behind the virtual machine: the table of
// every class and method that a CAP file may import, and the Go functions that do
// the work.
//
// The table (exports.txt) is made by the command exportgen from the export files
// of a kit and knows all packages of the API. Functions are bound by name and
// descriptor; what the table knows but nobody implements is refused when a CAP
// file that imports it is loaded (javacard.framework.service, javacardx.biometry
// and others are known in that sense only).
//
// All durable state of an API object lies in heap fields and arrays of the object,
// written through the machine, so that transactions, power cuts and saving need
// nothing here. What a card keeps in RAM (a digest in progress, a parsed key) is
// attached to the object as a volatile value and may vanish at any reset.
//
// It trusts the virtual machine and the [Runtime], which is the card around it.
// Arguments come from applets and are not trusted.
//
// Start with [Packages] and [Natives], which the card gives to vm.New, and with
// [Runtime], which the card implements. exchange.go carries one command through
// the APDU class.
package api
