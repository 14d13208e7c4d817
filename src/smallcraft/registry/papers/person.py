"""What only a person knows about a model and its data: the keys of `[card]`, and what each one asks for.

Leaves to others: reading the project file (`pipeline.card_section`), where on a paper an answer stands.
Always: a paper asks for nothing under `[card]` that is not in this table.
"""

from __future__ import annotations

from collections.abc import Mapping

MODEL_KEYS: Mapping[str, str] = {
    "owner": "who answers for the model",
    "contact": "where questions and complaints go",
    "license": "the model's license",
    "language": "the language of the text",
    "intended_use": "intended use",
    "intended_users": "intended users",
    "out_of_scope": "out-of-scope use",
    "factors": "groups and conditions that matter",
    "collection": "how the data was collected",
    "consent": "what people agreed to",
    "ethical_considerations": "ethical considerations",
    "caveats": "caveats and recommendations",
}
DATA_KEYS: Mapping[str, str] = {
    "purpose": "why the data was made",
    "funding": "who paid for the data",
    "instances": "what one row stands for",
    "sampling": "what larger set the rows are a sample of, and how they were drawn",
    "collectors": "who collected the data and how they were paid",
    "collection_period": "over what time the data was collected",
    "ethical_review": "whether a review of its ethics was made",
    "labelling": "how and by whom the labels were given",
    "sensitive": "whether the data holds what is sensitive or offensive",
    "distribution": "who may get the data, how and when",
    "maintenance": "who keeps the data, corrects it, and answers for erasure",
}
KEYS: Mapping[str, str] = {**MODEL_KEYS, **DATA_KEYS}
