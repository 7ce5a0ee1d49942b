"""How an episode is put into messages: one module for each protocol's wording."""

from __future__ import annotations

from dataclasses import replace

from embodied.controller import Controller
from embodied.policy import Reply
from embodied.prompting.base import Conversation, Move, Remaining
from embodied.prompting.default import DefaultConversation
from embodied.prompting.m3 import M3Conversation
from embodied.prompting.mint import MintConversation
from embodied.protocol import Protocol

__all__ = ["Conversation", "Move", "Remaining", "make_conversation", "worded"]

_CONVERSATIONS: dict[str, type[Conversation]] = {
    "default": DefaultConversation,
    "m3": M3Conversation,
    "mint": MintConversation,
}


def make_conversation(protocol: Protocol, controller: type[Controller]) -> Conversation:
    """The conversation that the protocol names."""
    return _CONVERSATIONS[protocol.conversation](protocol, controller)


def worded(reply: Reply, protocol: Protocol) -> Reply:
    """A message that an action format has rendered, in the protocol's wording."""
    conversation = _CONVERSATIONS[protocol.conversation]
    return replace(reply, content=conversation.worded(reply.content))
