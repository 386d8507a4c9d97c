"""Webhooks by the Standard Webhooks specification: signed, at least once, in order per case where possible.

outbox row  ─spreading─▶  one delivery an endpoint  ─sending─▶  the partner's server
                                                      │ attempts, each kept with its answer

endpoints   what partners do: register, change, rotate the secret, test, replay
spreading   numbers events per case and makes a delivery for every endpoint that hears of them
sending     the process that posts what is due; a slow or dead endpoint delays nobody else
signing     secrets and signatures                addresses   where a webhook may go
stopping    endpoints that never answer are stopped, and their owner is told
"""
