//! Turns, scales and shifts of the plane.

/// A turn, scale and shift of the plane: `[a x - b y + tx, b x + a y + ty]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Scale times cosine of the turn.
    pub a: f32,
    /// Scale times sine of the turn (clockwise on the screen, y down).
    pub b: f32,
    /// Shift to the right.
    pub tx: f32,
    /// Shift down.
    pub ty: f32,
}

impl Similarity {
    /// Leaves everything where it is.
    pub const IDENTITY: Self = Self { a: 1.0, b: 0.0, tx: 0.0, ty: 0.0 };

    /// The transform that brings `from` closest to `to` in the least-squares sense: the
    /// closed form of Umeyama 1991 in the plane, which never mirrors. Points that all
    /// coincide give a mere shift.
    pub fn fit(from: &[[f32; 2]], to: &[[f32; 2]]) -> Self {
        let count = from.len().min(to.len()).max(1) as f32;
        let middle = |points: &[[f32; 2]]| {
            points
                .iter()
                .fold([0.0; 2], |sum: [f32; 2], p| [sum[0] + p[0] / count, sum[1] + p[1] / count])
        };
        let (mf, mt) = (middle(from), middle(to));
        let (mut dot, mut cross, mut spread) = (0.0, 0.0, 0.0);
        for (f, t) in from.iter().zip(to) {
            let (fx, fy) = (f[0] - mf[0], f[1] - mf[1]);
            let (tx, ty) = (t[0] - mt[0], t[1] - mt[1]);
            dot += fx * tx + fy * ty;
            cross += fx * ty - fy * tx;
            spread += fx * fx + fy * fy;
        }
        let (a, b) = match spread > f32::EPSILON {
            true => (dot / spread, cross / spread),
            false => (1.0, 0.0),
        };
        Self { a, b, tx: mt[0] - (a * mf[0] - b * mf[1]), ty: mt[1] - (b * mf[0] + a * mf[1]) }
    }

    /// Where a point goes.
    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [self.a * x - self.b * y + self.tx, self.b * x + self.a * y + self.ty]
    }

    /// How much longer distances become.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// The turn in radians, clockwise on the screen (y down).
    pub fn turn(&self) -> f32 {
        self.b.atan2(self.a)
    }

    /// The transform that undoes this one; of one that shrinks everything to a point,
    /// the identity.
    pub fn inverse(&self) -> Self {
        let square = self.a * self.a + self.b * self.b;
        if square <= f32::MIN_POSITIVE {
            return Self::IDENTITY;
        }
        let (a, b) = (self.a / square, -self.b / square);
        Self { a, b, tx: b * self.ty - a * self.tx, ty: -(b * self.tx + a * self.ty) }
    }

    /// First `self`, then `next`.
    pub fn then(&self, next: &Self) -> Self {
        let [tx, ty] = next.apply([self.tx, self.ty]);
        Self { a: next.a * self.a - next.b * self.b, b: next.b * self.a + next.a * self.b, tx, ty }
    }
}
