package vm

import "errors"

// eachReference visits every cell that holds a reference: in objects, static
// fields and roots. Frames are not visited: deletion runs between commands.
func (v *VM) eachReference(visit func(cell *int32)) {
	for _, o := range v.heap.objects {
		if o != nil {
			o.eachReference(visit)
		}
	}
	v.eachRoot(visit)
}

// eachRoot visits the references from which everything alive is reached.
func (v *VM) eachRoot(visit func(cell *int32)) {
	for _, fields := range v.statics {
		for i := range fields.refs {
			visit(&fields.refs[i])
		}
	}
	for i := range v.roots {
		visit(&v.roots[i].cell)
	}
	for i := range v.instances {
		visit(&v.instances[i].aid)
		visit(&v.instances[i].applet)
	}
}

func (o *object) eachReference(visit func(cell *int32)) {
	switch o.kind {
	case RefArray:
		for i := range o.cells {
			visit(&o.cells[i])
		}
	case InstanceObject:
		for _, i := range o.class.refSlots {
			visit(&o.cells[i])
		}
	}
}

// CollectIfRequested deletes unreachable objects if an applet asked for it by
// JCSystem.requestObjectDeletion since the last call (Java Card API 3.0.5). The
// runtime environment calls it between commands; it returns how many objects
// went. Deleting is one persistent write if there was anything to delete.
func (v *VM) CollectIfRequested() (int, error) {
	if !v.gcRequested {
		return 0, nil
	}
	v.gcRequested = false
	return v.Collect()
}

// Collect deletes unreachable objects. It refuses while a transaction is open,
// whose journal may hold the last reference to one.
func (v *VM) Collect() (deleted int, err error) {
	if v.tx.open {
		return 0, errors.New("vm: a transaction is open; abort it before objects are deleted")
	}
	err = v.Enter(func(*Call) {
		v.mark()
		for _, o := range v.heap.objects {
			if o != nil && !o.marked {
				deleted++
			}
		}
		if deleted == 0 {
			return
		}
		v.write(deleted)
		for r, o := range v.heap.objects {
			if o != nil && !o.marked {
				v.free(Ref(r))
			}
		}
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

func (v *VM) mark() {
	var todo []*object
	visit := func(cell *int32) {
		if *cell <= 0 || int(*cell) >= len(v.heap.objects) {
			return // null, or an integer that hostile code stored as a reference
		}
		if o := v.heap.objects[*cell]; o != nil && !o.marked {
			o.marked = true
			todo = append(todo, o)
		}
	}
	for _, o := range v.heap.objects {
		if o != nil {
			o.marked = false
		}
	}
	v.eachRoot(visit)
	for len(todo) > 0 {
		o := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		o.eachReference(visit)
	}
}
