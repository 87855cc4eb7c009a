"""Pictures of networks and of their training.

Every function draws on the matplotlib Axes that it is given, or on new ones, and returns them (a Figure where it drew
several); none of them shows or saves anything. matplotlib comes with `pip install 'ebbflow[plot]'` and is imported when
the first picture is drawn. `graph` writes SVG, and needs nothing.
"""

from .backpropagation import backpropagation
from .classes import confusion_matrix, decision_regions
from .curves import learning_curves
from .gradients import gradient_norms, gradient_norms_of
from .graph import graph
from .histograms import activation_histograms, weight_histograms
from .images import hidden_units, reconstructions
from .surface import loss_along, loss_surface, optimizer_path
from .worksheet import backpropagation_table

__all__ = [
    "activation_histograms",
    "backpropagation",
    "backpropagation_table",
    "confusion_matrix",
    "decision_regions",
    "gradient_norms",
    "gradient_norms_of",
    "graph",
    "hidden_units",
    "learning_curves",
    "loss_along",
    "loss_surface",
    "optimizer_path",
    "reconstructions",
    "weight_histograms",
]
