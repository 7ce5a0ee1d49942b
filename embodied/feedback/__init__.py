"""Feedback on the turns of an episode, by a rule or a model.

The interaction of MINT (arXiv 2309.10691), which CodeAct (arXiv 2402.01030) takes over: a policy
sees what its action did and what somebody thinks of it.
"""

from embodied.feedback.base import Feedback, FeedbackConfig, FeedbackMode, FeedbackProvider
from embodied.feedback.rule import RuleFeedback

__all__ = ["Feedback", "FeedbackConfig", "FeedbackMode", "FeedbackProvider", "RuleFeedback"]
