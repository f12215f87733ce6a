//! Samplers beside each other, as a document.

use super::modes::mode_error_json;
use crate::exact::Target;
use crate::experiment::{Explored, Point, Seen, spread};
use crate::grid::Grid;
use crate::report::number;
use serde_json::{Map, Value, json};

/// Times and values of a curve.
fn curve_json(points: &[Point]) -> [Value; 2] {
    let numbers = |of: fn(&Point) -> f64| points.iter().map(|p| number(of(p))).collect();
    [numbers(|p| p.at), numbers(|p| p.error.value)]
}

fn schedule_json(grid: &Grid) -> Value {
    let numbers = |of: fn(f64, f64, f64) -> f64| -> Vec<Value> {
        let levels = grid.levels().iter();
        levels.map(|l| number(of(l.t, l.alpha, l.noise_ratio()))).collect()
    };
    json!({
        "t": numbers(|t, _, _| t),
        "alpha": numbers(|_, alpha, _| alpha),
        "sigma": numbers(|_, _, sigma| sigma),
        "log_snr": numbers(|_, _, sigma| -2.0 * sigma.ln()),
    })
}

/// The keys of an evaluation that a sampler has beside others.
const OF_EVALUATION: [&str; 7] =
    ["w2", "w2_mean", "w2_cov", "w2_per_dim", "budget", "reasons", "warnings"];

impl Explored {
    /// Everything, as JSON.
    pub fn document(&self) -> Value {
        let mut schedules: Vec<&Grid> = Vec::new();
        let samplers: Vec<Value> = self
            .samplers
            .iter()
            .map(|(label, seen)| match seen {
                Err(reason) => json!({"sampler": label, "reason": reason.to_string()}),
                Ok(seen) => self.sampler(seen, place(&mut schedules, &seen.evaluation.run.grid)),
            })
            .collect();
        let continuous = self.continuous.iter().map(|series| {
            let [t, error] = curve_json(&series.points);
            json!({"name": series.name, "t": t, "error": error})
        });
        let mut document = self.setting.json();
        document.insert("command".into(), json!("explore"));
        document.insert("init".into(), json!(self.init_label));
        document.insert("metric".into(), json!(self.metric));
        let target = if self.target == Target::Data { "data" } else { "marginal" };
        document.insert("target".into(), json!(target));
        document.insert("eps".into(), number(self.eps));
        document.insert("samplers".into(), samplers.into());
        document.insert("continuous".into(), continuous.collect());
        document.insert("schedules".into(), schedules.into_iter().map(schedule_json).collect());
        document.insert("detail".into(), self.detail());
        document.into()
    }

    fn sampler(&self, seen: &Seen, schedule: usize) -> Value {
        let run = &seen.evaluation.run;
        let [t, error] = curve_json(&seen.points);
        let mut entry = Map::new();
        entry.insert("sampler".into(), json!(run.sampler));
        entry.insert("steps".into(), json!(run.grid.step_count()));
        entry.insert("nfe".into(), json!(run.plan.nfe()));
        entry.insert("noise".into(), json!(run.plan.is_stochastic()));
        entry.insert("schedule".into(), json!(schedule));
        entry.insert("t".into(), t);
        entry.insert("error".into(), error);
        let metrics = &seen.evaluation.metrics;
        let value = metrics.iter().find(|m| m.metric == self.metric).map(|m| number(m.value.value));
        entry.insert("value".into(), value.unwrap_or_default());
        let mut evaluation = seen.evaluation.document(false);
        for key in OF_EVALUATION {
            entry.insert(key.into(), evaluation.remove(key).unwrap_or_default());
        }
        entry.into()
    }

    fn detail(&self) -> Value {
        let Some((at, steps)) = &self.detail else { return Value::Null };
        let Some((label, Ok(seen))) = self.samplers.get(*at) else { return Value::Null };
        let law = &seen.evaluation.law.modes;
        let modes = spread(law.len(), self.mode_points).into_iter();
        let modes: Vec<Value> = modes.map(|k| mode_error_json(&law[k])).collect();
        let mut detail = json!({"sampler": label, "steps": null, "modes": modes});
        match steps {
            Ok(steps) => detail["steps"] = Value::Object(steps.contributions()),
            Err(reason) => detail["steps_reason"] = json!(reason.to_string()),
        }
        detail
    }
}

/// The position of a grid among the distinct ones.
fn place<'a>(schedules: &mut Vec<&'a Grid>, grid: &'a Grid) -> usize {
    match schedules.iter().position(|known| known.levels() == grid.levels()) {
        Some(at) => at,
        None => {
            schedules.push(grid);
            schedules.len() - 1
        }
    }
}
