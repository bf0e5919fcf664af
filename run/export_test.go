package run

import "lifeline/model"

// Plant lets a test put faults into what is found out about how models are local.
func (o *Options) Plant(plant func(name string, l *model.Locality)) { o.plant = plant }
