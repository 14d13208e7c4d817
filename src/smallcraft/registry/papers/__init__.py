"""Papers of a release, each rendered from its facts alone: model card, datasheet, Croissant, ML-BOM."""
