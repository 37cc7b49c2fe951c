//! Taking in FHIR R4: one document per resource, the original bytes of each.
