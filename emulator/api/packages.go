package api

import (
	"fmt"
	"sort"
	"sync"

	"ekrona.example/emulator/vm"
)

// Packages returns the API as vm.LinkAPI takes it: every package of the table, with the
// hidden fields and the implementation classes that the natives use. All cards share
// the one description, which must not be changed.
func Packages() ([]vm.NativePackage, error) { return sharedPackages() }

var (
	sharedPackages = sync.OnceValues(describePackages)
	sharedTable    = sync.OnceValues(func() (*exportTable,
		error) {
		return parseTable(exportsText)
	})
)

func describePackages() ([]vm.NativePackage, error) {
	table, err := parseTable(exportsText) // its own copy, to be completed
	if err != nil {
		return nil, err
	}
	bound := natives(table, &Product{})
	classes := map[string]*vm.NativeClass{}
	for i := range table.packages {
		p := &table.packages[i]
		if describe := hiddenClasses[p.Name]; describe != nil {
			p.Classes = append(p.Classes, describe(p.Classes)...)
		}
		for j := range p.Classes {
			classes[p.Classes[j].Name] = &p.Classes[j]
		}
	}
	for name, fields := range oneShotFields() {
		classes[name].Fields = fields
	}
	for _, class := range classes {
		class.Fields = append(class.Fields, hiddenFields[class.Name]...)
	}
	for _, class := range classes {
		if class.Interface {
			continue
		}
		kept := class.Methods[:0:0]
		for _, m := range class.Methods {
			_, isBound := bound[class.Name+"."+m.Name+m.Descriptor]
			if inherited(classes, class, m) && !isBound {
				continue
			}
			if isBound {
				m.Abstract = false
			}
			kept = append(kept, m)
		}
		class.Methods = kept
	}
	return table.packages, nil
}

// inherited reports whether the table lists a virtual method that a superclass of the
// class declares already.
func inherited(classes map[string]*vm.NativeClass, class *vm.NativeClass, m vm.NativeMethod) bool {
	if m.Static || m.Name == "<init>" {
		return false
	}
	for super := classes[class.Super]; super != nil; super = classes[super.Super] {
		for _, s := range super.Methods {
			if s.Name == m.Name && s.Descriptor == m.Descriptor && !s.Static {
				return true
			}
		}
	}
	return false
}

// Natives returns the Go functions of a product's cards for vm.LinkAPI, by class, name and
// descriptor. Each reaches its card's [Runtime] through vm.Config.Host.
func Natives(product *Product) (map[string]vm.Native, error) {
	table, err := sharedTable()
	if err != nil {
		return nil, err
	}
	return natives(table, product), nil
}

// natives collects the functions of every class.
func natives(table *exportTable, product *Product) map[string]vm.Native {
	all := map[string]vm.Native{}
	for _, some := range []map[string]vm.Native{
		langNatives(), exceptionNatives(table), utilNatives(), intNatives(), systemNatives(product),
		appletNatives(),
		aidNatives(), apduNatives(), classByteNatives(), pinNatives(), pinXNatives(),
		sensitiveArrayNatives(),
		keyNatives(), keyBuilderNatives(product), keyPairNatives(product), digestNatives(product),
		signatureNatives(product), recoveryNatives(),
		cipherNatives(product), aeadNatives(), randomNatives(product), agreementNatives(product),
		checksumNatives(),
		oneShotNatives(product),
		mathNatives(), arrayLogicNatives(), stringNatives(), tagNatives(), tlvNatives(),
		constructedTLVNatives(), refusalNatives(),
		basicServiceNatives(), dispatcherNatives(), sensitiveResultNatives(),
		systemEntryNatives(), registryEntryNatives(), secureChannelNatives(),
	} {
		for name, function := range some {
			all[name] = function
		}
	}
	if product.has("javacardx/security") {
		storeResults(all)
	}
	return all
}

// linked is what Linked made, by what of a product it depends on. A program has few products.
var linked sync.Map

// Linked returns a product's packages with their functions. Its cards share it.
func Linked(product *Product) (*vm.API, error) {
	own := *product
	own.RAM = nil // no function depends on it
	key := fmt.Sprintf("%+v", own)
	if found, made := linked.Load(key); made {
		return found.(*vm.API), nil
	}
	packages, err := PackagesOf(&own)
	if err != nil {
		return nil, err
	}
	functions, err := Natives(&own)
	if err != nil {
		return nil, err
	}
	image, err := vm.LinkAPI(packages, functions)
	if err != nil {
		return nil, err
	}
	found, _ := linked.LoadOrStore(key, image)
	return found.(*vm.API), nil
}

// Missing returns the methods of the table that have no function, sorted, as
// "class.name" and descriptor: a CAP file that imports one is refused.
func Missing() ([]string, error) {
	packages, err := Packages()
	if err != nil {
		return nil, err
	}
	bound, err := Natives(&Product{})
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, p := range packages {
		for _, class := range p.Classes {
			for _, m := range class.Methods {
				name := class.Name + "." + m.Name + m.Descriptor
				if _, ok := bound[name]; !ok && !m.Abstract {
					missing = append(missing, name)
				}
			}
		}
	}
	sort.Strings(missing)
	return missing, nil
}

// hiddenClasses describe the classes behind interfaces, by package.
var hiddenClasses = map[string]func(listed []vm.NativeClass) []vm.NativeClass{
	"javacard/framework": pinXClasses,
	"javacard/security": func(listed []vm.NativeClass) []vm.NativeClass {
		return append(keyClasses(listed), describeRecovery())
	},
	"org/globalplatform": globalPlatformClasses,
}

// hiddenFields are the fields in which natives keep the state of an object. The
// constants beside each class's functions number them.
var hiddenFields = map[string][]vm.NativeField{
	"javacard/framework/CardException":        {{Name: "reason"}},
	"javacard/framework/CardRuntimeException": {{Name: "reason"}},
	"javacard/framework/AID": {{Name: "bytes", Ref: true}, {Name: "life"},
		{Name: "entry", Ref: true}},
	bigNumberClass: {{Name: "value", Ref: true},
		{Name: "limit", Ref: true}},
	tagClass: {{Name: "tag", Ref: true}},
	tlvClass: {{Name: "tag", Ref: true},
		{Name: "content", Ref: true}, {Name: "used"}},
	dispatcherClass: {{Name: "services", Ref: true},
		{Name: "phases", Ref: true}, {Name: "count"}},
	sensitiveResultClass: {{Name: "kind"}, {Name: "number"},
		{Name: "object", Ref: true}},
	registryEntryClass:        {{Name: "aid", Ref: true}},
	"javacard/framework/APDU": {{Name: "buffer", Ref: true}},
	"javacard/framework/OwnerPIN": {{Name: "limit"}, {Name: "secret", Ref: true},
		{Name: "validated", Ref: true}},
	"javacard/security/KeyPair": {{Name: "algorithm"}, {Name: "public", Ref: true},
		{Name: "private", Ref: true}},
	"javacard/security/MessageDigest": {{Name: "algorithm"}},
	"javacard/security/RandomData":    {{Name: "algorithm"}},
	"javacard/security/Checksum":      {{Name: "algorithm"}},
	"javacard/security/KeyAgreement":  {{Name: "algorithm"}, {Name: "key", Ref: true}},
	"javacard/security/Signature": {{Name: "algorithm"}, {Name: "mode"},
		{Name: "key", Ref: true}},
	"javacardx/crypto/Cipher": {{Name: "algorithm"}, {Name: "mode"},
		{Name: "key", Ref: true}},
	pinXClass: {{Name: "secret", Ref: true},
		{Name: "state", Ref: true}},
	keyClass: {{Name: "type"}, {Name: "bits"}, {Name: "data", Ref: true}},
}
