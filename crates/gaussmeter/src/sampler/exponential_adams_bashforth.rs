use super::Sampler;
use super::unipc::{LOWER_ORDER_FINAL, PREDICTION, SingleWeight, UniPc, orders};
use crate::entry::{Entry, Kind, Parameter};

pub(super) static ENTRY: Entry<dyn Sampler> = Entry {
    name: "exponential-adams-bashforth",
    aliases: &[],
    summary: "exponential Adams-Bashforth in log-SNR: UniP; with prediction=noise DEIS",
    source: "Hochbruck & Ostermann (2010), section 2.5; Zhang & Chen (2023), Zhao et al. (2023)",
    order: Some(3),
    parameters: &[
        Parameter {
            name: "order",
            kind: Kind::Choice(&["1", "2", "3", "4"]),
            default: Some("3"),
            summary: "number of network outputs",
        },
        PREDICTION,
        LOWER_ORDER_FINAL,
    ],
    build: |a| {
        let (order, lower_order_final) = orders(a)?;
        Ok(Box::new(UniPc {
            order,
            single: SingleWeight::Exact,
            corrector: false,
            noise: a.text("prediction") == "noise",
            lower_order_final,
        }))
    },
};
