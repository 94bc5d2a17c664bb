"""Who may watch a thing."""


def may_watch(request, thing_id):
    return thing_id > 0
