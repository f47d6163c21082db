package vm

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"weak"

	"ekrona.example/emulator/cap"
)

// Cards of one program that hold the same CAP file share its linked form: thousands of them
// run the same applet. An image lives as long as a machine holds it.
var (
	imagesMutex sync.Mutex
	images      = map[string]weak.Pointer[Package]{}
)

// imageKey identifies what link makes of a package: its components, its place and context,
// and the images that it is linked against, which it keeps alive.
func imageKey(p *Package) string {
	h := sha256.New()
	for t := cap.TagHeader; t <= cap.TagDebug; t++ {
		component := p.file.Component(t)
		fmt.Fprintf(h, "%d %d\n", t, len(component))
		h.Write(component)
	}
	fmt.Fprintf(h, "%s %d %d", p.name, p.index, p.context)
	for _, imported := range p.imports {
		fmt.Fprintf(h, " %p", imported)
	}
	return string(h.Sum(nil))
}

// sharedImage returns the image of a key, nil if no machine holds it.
func sharedImage(key string) *Package {
	imagesMutex.Lock()
	defer imagesMutex.Unlock()
	return images[key].Value()
}

// shareImage makes p the image of its key, and returns the one that was there first.
func shareImage(key string, p *Package) *Package {
	imagesMutex.Lock()
	defer imagesMutex.Unlock()
	if first := images[key].Value(); first != nil {
		return first
	}
	images[key] = weak.Make(p)
	runtime.AddCleanup(p, forgetImage, key)
	return p
}

// forgetImage drops the entry of an image that nothing holds any more.
func forgetImage(key string) {
	imagesMutex.Lock()
	defer imagesMutex.Unlock()
	if images[key].Value() == nil {
		delete(images, key)
	}
}
