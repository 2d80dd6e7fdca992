package main

import (
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// retrieval is what is left of a paged RetrievePropertiesEx: the objects are chosen, their properties not yet read.
type retrieval struct {
	items []retrievalItem
	most  int
}

type retrievalItem struct {
	ref  types.ManagedObjectReference
	sets []types.PropertySpec
}

func (pc *collector) RetrieveProperties(ctx *simulator.Context, r *types.RetrieveProperties) soap.HasFault {
	objects, _, failed := pc.retrieve(ctx, r.SpecSet, 0, "RetrieveProperties")
	if failed != nil {
		return failed
	}
	return &methods.RetrievePropertiesBody{Res: &types.RetrievePropertiesResponse{Returnval: objects}}
}

func (pc *collector) RetrievePropertiesEx(ctx *simulator.Context, r *types.RetrievePropertiesEx) soap.HasFault {
	if r.Options.MaxObjects < 0 {
		return fault("", &types.InvalidArgument{InvalidProperty: "options.maxObjects"})
	}
	objects, token, failed := pc.retrieve(ctx, r.SpecSet, int(r.Options.MaxObjects), "RetrievePropertiesEx")
	if failed != nil {
		return failed
	}
	body := &methods.RetrievePropertiesExBody{Res: &types.RetrievePropertiesExResponse{}}
	if len(objects) > 0 {
		body.Res.Returnval = &types.RetrieveResult{Objects: objects, Token: token}
	}
	return body
}

func (pc *collector) ContinueRetrievePropertiesEx(ctx *simulator.Context,
	r *types.ContinueRetrievePropertiesEx) soap.HasFault {
	pc.lab.world.RLock()
	defer pc.lab.world.RUnlock()
	pc.mu.Lock()
	rest := pc.tokens[r.Token]
	delete(pc.tokens, r.Token)
	pc.mu.Unlock()
	if rest == nil {
		return fault("", &types.InvalidArgument{InvalidProperty: "token"})
	}
	objects, token := pc.readPage(ctx, rest, "ContinueRetrievePropertiesEx")
	return &methods.ContinueRetrievePropertiesExBody{Res: &types.ContinueRetrievePropertiesExResponse{
		Returnval: types.RetrieveResult{Objects: objects, Token: token}}}
}

func (pc *collector) CancelRetrievePropertiesEx(_ *simulator.Context,
	r *types.CancelRetrievePropertiesEx) soap.HasFault {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	if pc.tokens[r.Token] == nil {
		return fault("", &types.InvalidArgument{InvalidProperty: "token"})
	}
	delete(pc.tokens, r.Token)
	return &methods.CancelRetrievePropertiesExBody{Res: &types.CancelRetrievePropertiesExResponse{}}
}

// retrieve reads what the specifications select, at most 'most' objects; the token stands for the rest.
func (pc *collector) retrieve(ctx *simulator.Context, specs []types.PropertyFilterSpec, most int,
	name string) ([]types.ObjectContent, string, soap.HasFault) {
	if ctx.Session != nil {
		pc.attach(ctx)
	} else if r := ctx.Request(); r != nil && r.Header.Get("Cookie") != "" {
		return nil, "", fault("The session is not authenticated.", pc.notAuthenticated())
	}
	l := pc.lab
	l.world.RLock()
	defer l.world.RUnlock()

	var items []retrievalItem
	for _, spec := range specs {
		if failed := l.checkSpec(ctx, spec); failed != nil {
			return nil, "", failed
		}
		members, _ := l.members(ctx, spec, name)
		for _, ref := range members {
			items = append(items, retrievalItem{ref, spec.PropSet})
		}
	}
	if max := l.opt.page; max > 0 && name != "RetrieveProperties" && (most == 0 || most > max) {
		most = max
	}
	objects, token := pc.readPage(ctx, &retrieval{items, most}, name)
	return objects, token, nil
}

// readPage reads one page and files the rest under a new token.
func (pc *collector) readPage(ctx *simulator.Context, r *retrieval, name string) ([]types.ObjectContent, string) {
	n := len(r.items)
	if ctx.Session != nil && r.most > 0 && n > r.most {
		n = r.most
	}
	v := pc.lab.versionOf(ctx)
	deny := pc.lab.denials(ctx, name)
	objects := make([]types.ObjectContent, 0, n)
	for _, item := range r.items[:n] {
		content, ok := pc.lab.read(ctx, item.ref, item.sets, v, deny)
		if !ok {
			continue
		}
		set := content.PropSet[:0]
		for _, p := range content.PropSet {
			if p.Val != nil {
				set = append(set, p)
			}
		}
		content.PropSet = set
		objects = append(objects, content)
	}
	if n == len(r.items) {
		return objects, ""
	}

	pc.mu.Lock()
	defer pc.mu.Unlock()
	pc.token++
	token := strconv.Itoa(pc.token)
	pc.tokens[token] = &retrieval{r.items[n:], r.most}
	return objects, token
}
