"""Words and facts of the field that every room shares: metrics, severities, numbers, text, colours.

What belongs here is small, pure, knows no other room and imports no heavy library, so that even the command line may
load it at once. Tables are in ``tables``, HTTP is in ``http_client``, and whatever computes is in the room of its
subject.
"""
