"""Pictures made for looking: diagrams of the tasks, cards of the workflows, the demo as one moving picture."""
