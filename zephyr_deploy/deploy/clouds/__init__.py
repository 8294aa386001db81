"""The part of the verbs that deals with a cloud: from no machine to one that answers, and back to nothing."""
