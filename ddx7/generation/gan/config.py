"""Configuration of the generator's training."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class GanConfig:
    """Configuration of a run.

    Attributes:
      steps: in all.
      warm_up_steps: first steps, in which generator and encoder learn as an autoencoder.
      head_start_steps: steps after them in which only the critic learns.
      surrogate_start_step: from which drawn voices are rendered and the audio surrogate learns.
      surrogate_weight_start_step: from which the surrogate's terms count in the generator's loss.
      batch: voices a step.
      kl_weight: of the KL divergence in the autoencoder's loss.
      learning_rates: of Adam at first: autoencoder, generator, critic; half a cosine takes each to a tenth.
      gradient_penalty_weight: of R1 and R2.
      surrogate_weights: of faults and of specified categories in the generator's loss.
      category_weights: of the critic's categories in its own loss and in the generator's.
      condition_dropout: probability that a condition is left unspecified.
      ema_decay: of the average of the generator's parameters.
      evaluate_every: steps from one evaluation and checkpoint to the next.
      n_evaluated: voices in an evaluation.
      seed: of everything random.
    """

    steps: int = 5400
    warm_up_steps: int = 1600
    head_start_steps: int = 200
    surrogate_start_step: int = 3200
    surrogate_weight_start_step: int = 4000
    batch: int = 64
    kl_weight: float = 0.5
    learning_rates: tuple[float, float, float] = (1e-3, 4e-4, 4e-4)
    gradient_penalty_weight: float = 0.05
    surrogate_weights: tuple[float, float] = (1.0, 0.1)
    category_weights: tuple[float, float] = (1.0, 0.05)
    condition_dropout: float = 0.25
    ema_decay: float = 0.998
    evaluate_every: int = 400
    n_evaluated: int = 512
    seed: int = 0

    def scaled_to(self, steps: int) -> "GanConfig":
        """The same phases, but the head start, in proportion to another number of steps."""
        names = ("warm_up_steps", "surrogate_start_step", "surrogate_weight_start_step")
        warm_up, start, weight_start = (getattr(self, name) * steps // self.steps for name in names)
        return replace(
            self,
            steps=steps,
            warm_up_steps=warm_up,
            surrogate_start_step=start,
            surrogate_weight_start_step=weight_start,
        )
