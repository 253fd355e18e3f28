//! What calls of models cost, in neurons, of which Cloudflare sells a thousand for $0.011.

/// Neurons for a million tokens of input and of output, by
/// <https://developers.cloudflare.com/workers-ai/platform/pricing/>. The last row has the dearest prices of that page.
const PRICES: [(&str, f64, f64); 16] = [
    ("@cf/meta/llama-3.2-1b-instruct", 2_457.0, 18_252.0),
    ("@cf/meta/llama-3.2-3b-instruct", 4_625.0, 30_475.0),
    ("@cf/meta/llama-3.1-8b-instruct-fp8-fast", 4_119.0, 34_868.0),
    ("@cf/meta/llama-3.2-11b-vision-instruct", 4_410.0, 61_493.0),
    ("@cf/meta/llama-3.1-70b-instruct-fp8-fast", 26_668.0, 204_805.0),
    ("@cf/meta/llama-3.3-70b-instruct-fp8-fast", 26_668.0, 204_805.0),
    ("@cf/deepseek-ai/deepseek-r1-distill-qwen-32b", 45_170.0, 443_756.0),
    ("@cf/mistral/mistral-7b-instruct-v0.1", 10_000.0, 17_300.0),
    ("@cf/meta/llama-3.1-8b-instruct", 25_608.0, 75_147.0),
    ("@cf/meta/llama-3.1-8b-instruct-fp8", 13_778.0, 26_128.0),
    ("@cf/meta/llama-3.1-8b-instruct-awq", 11_161.0, 24_215.0),
    ("@cf/meta/llama-3-8b-instruct", 25_608.0, 75_147.0),
    ("@cf/baai/bge-small-en-v1.5", 1_841.0, 0.0),
    ("@cf/baai/bge-base-en-v1.5", 6_058.0, 0.0),
    ("@cf/baai/bge-large-en-v1.5", 18_582.0, 0.0),
    ("", 50_505.0, 606_061.0),
];

/// An estimate of the neurons of a call. A model without a known price counts as the dearest one.
pub fn estimate(model: &str, input_tokens: u32, output_tokens: u32) -> f64 {
    let known = PRICES.iter().find(|(name, ..)| *name == model);
    let (_, input, output) = known.unwrap_or(&PRICES[PRICES.len() - 1]);
    (f64::from(input_tokens) * input + f64::from(output_tokens) * output) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_a_price_counts_as_the_dearest() {
        let million = 1_000_000;
        assert_eq!(estimate("@cf/meta/llama-3.2-1b-instruct", million, 0).round(), 2_457.0);
        assert_eq!(estimate("@cf/meta/llama-3.2-1b-instruct", 0, million).round(), 18_252.0);
        let unknown = estimate("@cf/unknown", million, million);
        for (name, ..) in PRICES {
            assert!(estimate(name, million, million) <= unknown, "{name}");
        }
    }
}
