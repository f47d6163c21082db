package vm

import "fmt"

// Instance is an applet instance, the owner of objects; 0 is the runtime
// environment. The machine keeps the table of instances so that it is saved,
// and survives a power cut, together with the objects.
type Instance uint16

type instanceState uint8

const (
	instanceFree instanceState = iota
	instancePending
	instanceLive
)

type instance struct {
	state  instanceState
	pkg    *Package
	module []byte // AID of the applet in its CAP file
	aid    int32  // Ref of the JCRE-owned AID object, 0 before register
	applet int32  // Ref of the Applet, 0 before register
}

// InstanceInfo describes an applet instance.
type InstanceInfo struct {
	ID      Instance
	Package *Package
	Module  []byte // AID of the applet in its CAP file
	AID     Ref    // the runtime environment's AID object, 0 before register
	Applet  Ref    // the Applet object, 0 before register
	Live    bool   // its installation has ended
}

// NewInstance starts the installation of an applet of pkg, by the AID it has in
// the CAP file. Until ActivateInstance a reset undoes it: the instance and all
// objects that it owns disappear.
func (v *VM) NewInstance(pkg *Package, module []byte) Instance {
	entry := instance{state: instancePending, pkg: pkg, module: append([]byte(nil), module...)}
	for i := range v.instances {
		if v.instances[i].state == instanceFree {
			v.instances[i] = entry
			return Instance(i)
		}
	}
	v.instances = append(v.instances, entry)
	return Instance(len(v.instances) - 1)
}

// RegisterInstance records the AID object and the Applet object, as
// Applet.register does.
func (v *VM) RegisterInstance(i Instance, aid, applet Ref) {
	v.instances[i].aid, v.instances[i].applet = int32(aid), int32(applet)
}

// ActivateInstance ends the installation: one persistent write, to be called
// within Enter.
func (v *VM) ActivateInstance(i Instance) {
	v.write(1)
	v.instances[i].state = instanceLive
}

// Instances lists the applet instances in the order of their numbers.
func (v *VM) Instances() []InstanceInfo {
	var list []InstanceInfo
	for i := 1; i < len(v.instances); i++ {
		if v.instances[i].state != instanceFree {
			info, _ := v.InstanceInfo(Instance(i))
			list = append(list, info)
		}
	}
	return list
}

// InstanceInfo describes instance i; false if there is none.
func (v *VM) InstanceInfo(i Instance) (InstanceInfo, bool) {
	if int(i) >= len(v.instances) || v.instances[i].state == instanceFree || i == 0 {
		return InstanceInfo{}, false
	}
	e := &v.instances[i]
	return InstanceInfo{i, e.pkg, e.module, Ref(e.aid), Ref(e.applet), e.state == instanceLive},
		true
}

// DropInstance undoes an installation that did not end: the instance and its
// objects go, references to them become null.
func (v *VM) DropInstance(i Instance) {
	v.removeInstance(i)
}

// DeleteInstance deletes an applet instance and every object it owns (JCRE
// 3.0.5 §11.3.4.1). It refuses if another instance or a static field of another
// package refers to one of them. One persistent write.
func (v *VM) DeleteInstance(i Instance) error {
	if _, ok := v.InstanceInfo(i); !ok {
		return fmt.Errorf("vm: there is no applet instance %d to delete", i)
	}
	if holder := v.holderOf(i); holder != "" {
		return fmt.Errorf("vm: an object of the applet is still referred to by %s; delete that "+
			"first", holder)
	}
	return v.Enter(func(*Call) {
		v.write(1)
		v.removeInstance(i)
	})
}

// holderOf names something outside instance i that refers to an object of i.
func (v *VM) holderOf(i Instance) string {
	holder := ""
	owned := func(cell int32) bool {
		return cell > 0 && int(cell) < len(v.heap.objects) && v.heap.objects[cell] != nil &&
			v.heap.objects[cell].owner == i
	}
	for _, o := range v.heap.objects {
		if o == nil || o.owner == i || o.owner == 0 {
			continue
		}
		owner := o.owner
		o.eachReference(func(cell *int32) {
			if holder == "" && owned(*cell) {
				holder = fmt.Sprintf("an object of applet instance %d", owner)
			}
		})
	}
	for _, p := range v.packages {
		if p == nil {
			continue
		}
		for _, r := range v.statics[p.index].refs {
			if holder == "" && owned(r) {
				holder = "a static field of package " + p.name
			}
		}
	}
	return holder
}

func (v *VM) removeInstance(i Instance) {
	v.deleteOwned(func(o *object) bool { return o.owner == i })
	v.instances[i] = instance{}
	if v.selected == i {
		v.selected = 0
	}
}

// deleteOwned deletes the objects that belongs chooses, and sets every
// reference to them to null. A transaction that an installation left open is
// undone first, since its journal refers to them.
func (v *VM) deleteOwned(belongs func(o *object) bool) {
	v.rollBack()
	gone := map[int32]bool{}
	for r, o := range v.heap.objects {
		if o != nil && belongs(o) {
			gone[int32(r)] = true
			v.discard(Ref(r))
		}
	}
	v.forgetReferences(gone)
}

// undoPending removes the instances whose installation a reset interrupted.
func (v *VM) undoPending() {
	for i := 1; i < len(v.instances); i++ {
		if v.instances[i].state == instancePending {
			v.removeInstance(Instance(i))
		}
	}
	v.releaseDead()
}

func (v *VM) contextOf(i Instance) Context {
	if i == 0 || int(i) >= len(v.instances) || v.instances[i].pkg == nil {
		return 0
	}
	return v.instances[i].pkg.context
}
