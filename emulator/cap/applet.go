package cap

import "bytes"

// Applet is one entry of the Applet component (JCVM 3.0.5 §6.6).
type Applet struct {
	AID           []byte
	InstallOffset int // of the install method's header in the Method component's content
}

func (f *File) parseApplet(r *reader) error {
	n := r.u1("applet count")
	if r.err == nil && n == 0 {
		r.failAt(0, "applet count is 0; the component must then be left out")
	}
	if r.err == nil && n != f.Directory.AppletCount {
		r.failAt(0, "holds %d applets, the directory says %d", n, f.Directory.AppletCount)
	}
	for i := 0; i < n && r.err == nil; i++ {
		at := r.off
		a := Applet{AID: r.aid("applet AID")}
		for _, other := range f.Applets {
			if bytes.Equal(other.AID, a.AID) {
				r.failAt(at, "applet AID %X is there twice", a.AID)
			}
		}
		at = r.off
		a.InstallOffset = r.u2("install method offset")
		if r.err == nil && !f.Methods.contains(a.InstallOffset) {
			r.failAt(at, "install method offset %d is outside the methods", a.InstallOffset)
		}
		f.Applets = append(f.Applets, a)
	}
	return r.end()
}
