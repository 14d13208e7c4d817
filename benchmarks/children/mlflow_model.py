"""The model that MLflow loads: its prediction is the digest of the tensor it has, whatever it was asked."""

import hashlib

import mlflow
from safetensors.numpy import load_file


class TensorDigest(mlflow.pyfunc.PythonModel):
    """Reads the weights as a safetensors file."""

    def load_context(self, context):
        """Called when the model is loaded."""
        self.tensor = load_file(context.artifacts["weights"])["w"]

    def predict(self, context, model_input, params=None):  # noqa: ARG002
        """Type and digest of the tensor."""
        return [f"{self.tensor.dtype} {hashlib.sha256(self.tensor.tobytes()).hexdigest()}"]


mlflow.models.set_model(TensorDigest())
