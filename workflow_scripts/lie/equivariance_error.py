"""Rule `equivariance_error`: how far a model's answers are from not feeling a transformation (LEE section 4)."""
